"""Where things lie: the checkout, the cache (can be rebuilt) and the state (machines, keys).

Follows the XDG base directory specification. `BOXWRIGHT_CACHE` and `BOXWRIGHT_STATE`
name other places, which is how tests get empty ones.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The top of this checkout: `runtime/`, `kernel/` and `vagrant/` are read from here."""


def cache() -> Path:
    """The folder of everything that can be made again: images and downloads."""
    return _folder("BOXWRIGHT_CACHE", "XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """The folder of what cannot be made again: machines, snapshots, keys; readable by its owner only."""
    return _folder("BOXWRIGHT_STATE", "XDG_STATE_HOME", ".local/state")


def _folder(own_variable: str, xdg_variable: str, below_home: str) -> Path:
    own = os.environ.get(own_variable)
    if own:
        path = Path(own).absolute()
    else:
        base = os.environ.get(xdg_variable)
        path = (Path(base) if base else Path.home() / below_home) / "boxwright"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
