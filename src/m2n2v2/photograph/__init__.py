"""Ours, not the paper's: what the photograph itself says of scales and outlines."""
