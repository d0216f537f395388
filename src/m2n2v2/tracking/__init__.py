"""Masks through the frames of a video or a series: propagation, sessions, results."""
