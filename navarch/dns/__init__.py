"""Cluster DNS: pure answers for cluster names, forwarding for the rest."""
