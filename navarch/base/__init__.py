"""Words that every layer uses. Imports nothing else of Navarch."""
