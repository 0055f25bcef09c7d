"""What was built before, of equal sources for an equal kernel: a module takes half a minute under emulation."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lab import paths
from lab.files import write_whole
from lab.machine.protocol import Machine

BUILT_WITH = "uname -srvm; cc --version | head -1; ld --version | head -1; make --version | head -1"


def key(machine: Machine, sources: Path) -> str:
    """A name for what these sources give in this machine: of their contents, its kernel and its tools.

    Args:
        machine: where they are built.
        sources: a folder on this host.

    Raises:
        CommandFailed: the machine has none of these tools.
    """
    digest = hashlib.sha256(machine.run(BUILT_WITH).text.encode())
    for file in sorted(path for path in sources.rglob("*") if path.is_file()):
        if not file.name.startswith(".") and file.suffix not in (".o", ".ko", ".mod", ".cmd"):
            digest.update(f"\n{file.relative_to(sources).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def find(name: str) -> bytes | None:
    """The product of that name, if it was kept."""
    try:
        return (_folder() / name).read_bytes()
    except FileNotFoundError:
        return None


def keep(name: str, product: bytes) -> None:
    """Keep a product.

    Only what comes from a machine in which nothing but ours has run: from any other it might be anything, and it
    is loaded into the kernels of machines to come.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / name, product)


def _folder() -> Path:
    return paths.cache() / "modules"
