"""Kinds of the API group batch, one file each."""
