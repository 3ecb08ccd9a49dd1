"""Declarations of the API kinds: what no schema says about each of them."""
