"""The kubectl programs of this machine, and our own command line as one more."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

#: The minor version that the suite is written for.
MINOR = 32

ROOT = Path(__file__).parents[2]
_OURS = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from navarch.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def found() -> dict[int, str]:
    """Minor version -> program: `kubectl` of the search path under MINOR where no file says otherwise, and every
    `kubectl.1.N` beside it."""
    program = shutil.which("kubectl")
    if program is None:
        return {}
    beside = Path(program).resolve().parent.glob("kubectl.1.*")
    named = {int(match[1]): str(path) for path in beside if (match := re.fullmatch(r"kubectl\.1\.(\d+)", path.name))}
    return {MINOR: program} | named


def ours(directory: Path) -> str:
    """A program in `directory` that is our command line."""
    path = directory / "navarch-kubectl"
    path.write_text(_OURS)
    path.chmod(0o755)
    return str(path)
