"""Drivers make a node: `netns` on this machine beside others, `none` on the host itself."""
