"""Volumes of pods: what is in them (`payload`), making them (`setup`), and mounting them (`mounts`)."""
