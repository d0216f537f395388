"""Ours, not the paper's: a transition reduced to what its chain remembers, and its walk."""
