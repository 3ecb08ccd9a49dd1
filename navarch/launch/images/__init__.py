"""Container images assembled from Debian's packages, for machines that reach no registry.

`build(directory)` makes every image of `recipes.RECIPES` in one OCI image layout, which
`launch.registry` serves and `save` turns into archives that `ctr images import` takes.
"""

from navarch.launch.images.build import Built, build
from navarch.launch.images.layout import Layout, StoredImage, save

__all__ = ["Built", "Layout", "StoredImage", "build", "save"]
