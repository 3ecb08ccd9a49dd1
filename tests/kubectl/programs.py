"""The kubectl programs of this machine."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

#: The minor version that the suite is written for.
MINOR = 32


def found() -> dict[int, str]:
    """Minor version -> program: `kubectl` of the search path under MINOR where no file says otherwise, and every
    `kubectl.1.N` beside it."""
    program = shutil.which("kubectl")
    if program is None:
        return {}
    beside = Path(program).resolve().parent.glob("kubectl.1.*")
    named = {int(match[1]): str(path) for path in beside if (match := re.fullmatch(r"kubectl\.1\.(\d+)", path.name))}
    return {MINOR: program} | named
