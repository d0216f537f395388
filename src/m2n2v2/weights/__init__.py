"""Weights: what exists, where it is found, how it is loaded."""
