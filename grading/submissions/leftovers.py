"""What an earlier build left in a submission, for another kernel and another machine.

It is left behind at delivery: make would take yesterday's `monitor.ko` for new, and a
program that was compiled elsewhere is not what is graded. Sources: the kernel's
Documentation/kbuild/modules.rst and the `clean` patterns of its Makefile.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_NAMES = re.compile(
    r".*\.(?:ko|o|a|so|mod|mod\.c|pyc|order|symvers|gch|d\.tmp)|\..*\.cmd|Module\.symvers|modules\.order|\.cache\.mk"
)
_FOLDERS = frozenset((".tmp_versions", "__pycache__", "CMakeFiles"))
_ELF = b"\x7fELF"


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Files and folders below `folder` that a build made: objects, modules, programs, kbuild's notes.

    Raises:
        OSError: a file cannot be read.
    """
    found: list[Path] = []
    for here, subfolders, files in os.walk(folder):
        at = Path(here)
        found += [at / name for name in subfolders if name in _FOLDERS]
        subfolders[:] = sorted(name for name in subfolders if name not in _FOLDERS)
        found += [at / name for name in sorted(files) if _NAMES.fullmatch(name) or _is_elf(at / name)]
    return tuple(found)


def _is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as opened:
        return opened.read(4) == _ELF
