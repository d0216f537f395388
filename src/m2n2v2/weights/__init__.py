"""Weights: what exists, where it lies, how it is loaded."""
