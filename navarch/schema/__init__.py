"""One engine on plain dict trees, driven by type facts: prune, default, validate, merge, apply, OpenAPI."""
