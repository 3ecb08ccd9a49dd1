"""Kustomizations: manifests made of other manifests, without templates.

`build.build(directory, warn)` gives the objects that `kubectl kustomize` prints and `-k` applies.
Source: kustomize (kinds Kustomization and Component, kustomize.config.k8s.io).
"""
