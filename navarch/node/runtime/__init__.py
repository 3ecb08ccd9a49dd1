"""The container runtime seam: one contract, CRI and a scriptable fake."""
