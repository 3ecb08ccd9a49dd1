"""Frozen, partial, typed views of objects: what controllers, scheduler, kubelet and proxy read."""
