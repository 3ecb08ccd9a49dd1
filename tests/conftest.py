"""The plugin, where the package is not installed and so has no entry point."""

from importlib.metadata import entry_points

if not any(point.name == "navarch" for point in entry_points(group="pytest11")):
    pytest_plugins = ["navarch.testing.plugin"]
