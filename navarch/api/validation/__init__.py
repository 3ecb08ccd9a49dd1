"""Validation of built-in kinds, one file per noun.

Every function takes a tree (or a part of one) and its path, and returns all errors, in Kubernetes'
order and words. Trees have been decoded and defaulted: types are right, numbers are numbers.
"""
