"""A backend for Label Studio: its tasks and regions in, masks in its own format out."""
