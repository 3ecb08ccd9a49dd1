"""The forms in which objects are printed."""
