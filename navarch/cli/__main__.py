"""`python -m navarch.cli ARGS` is kubectl."""

import sys

from navarch.cli.main import main

sys.exit(main(sys.argv[1:]))
