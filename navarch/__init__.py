"""Navarch: Kubernetes in Python, as a cluster to run and as a library to test against."""

__version__ = "0.1.0"

#: The Kubernetes API level this release serves.
KUBERNETES_VERSION = "v1.36.2"
