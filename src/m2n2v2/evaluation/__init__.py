"""Evaluation: simulated clicks, metrics, resumable runs, reports."""
