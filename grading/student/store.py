"""What was built of which sources, kept on this host: a guest that broke takes no compiled work with it.

Only guests of the same workspace ever get it: what comes out of a guest in which a student's engine has run
might be anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from grading.guest.delivery import Product
from lab.errors import LabError
from lab.files import write_whole

MOST = 24
"""Products that are kept; the oldest go."""


@dataclass(frozen=True)
class Store:
    """The products of one workspace."""

    folder: Path

    def find(self, half: str, sources: str) -> tuple[Product, bytes] | None:
        """What was built of these sources: what it is, and its content."""
        name = self._name(half, sources)
        try:
            about = json.loads((self.folder / f"{name}.json").read_text())
            content = (self.folder / f"{name}.bin").read_bytes()
            return Product(str(about["path"]), str(about["label"]), ()), content
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, half: str, sources: str, product: Product, content: bytes) -> None:
        """Keep a product. Where it cannot be kept, it is built again another time."""
        name = self._name(half, sources)
        with contextlib.suppress(OSError, LabError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / f"{name}.bin", content)
            about = json.dumps({"path": product.path, "label": product.label})
            write_whole(self.folder / f"{name}.json", about.encode())
            for old in sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-MOST]:
                old.unlink(missing_ok=True)
                old.with_suffix(".bin").unlink(missing_ok=True)

    @staticmethod
    def _name(half: str, sources: str) -> str:
        return hashlib.sha256(f"{half}\0{sources}".encode()).hexdigest()[:32]
