"""Recorded requests and answers of a real API server, replayed against Navarch."""
