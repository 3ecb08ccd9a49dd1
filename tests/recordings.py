"""Where the recorded answers of a real Kubernetes lie; tests that compare with them skip where there are none."""

from __future__ import annotations

import os
from pathlib import Path

#: $NAVARCH_CORPUS, or a directory beside the checkout.
DIRECTORY = Path(os.environ.get("NAVARCH_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
