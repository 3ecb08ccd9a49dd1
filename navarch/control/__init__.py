"""Controllers: pure reconcile functions and the one runner that watches and writes for them."""
