"""The kubectl-compatible command line."""
