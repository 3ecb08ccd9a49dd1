"""Subresources beyond status: one file per subject, listed by (bucket, name) in `catalog.py`."""
