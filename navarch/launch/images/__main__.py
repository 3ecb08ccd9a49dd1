"""`python -m navarch.launch.images DIRECTORY`: build, and print each name with its digest."""

import sys
from pathlib import Path

from navarch.launch.images.build import build

if len(sys.argv) != 2:
    sys.exit("usage: python -m navarch.launch.images DIRECTORY")
for image in build(Path(sys.argv[1])).images:
    print(image.name, image.digest)
