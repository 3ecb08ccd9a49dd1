"""Addresses and ports that the API server gives to Services."""
