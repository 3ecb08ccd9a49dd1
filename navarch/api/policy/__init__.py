"""Kinds of the API group policy, one file each."""
