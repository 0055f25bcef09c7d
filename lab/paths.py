"""Where things lie: the checkout, the cache (can be rebuilt) and the state (machines, keys).

Follows the XDG base directory specification. `BOXWRIGHT_CACHE` and `BOXWRIGHT_STATE`
name other places, which is how tests get empty ones. `BOXWRIGHT_EXERCISES` names places of
exercises beside the checkout's.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parent.parent
"""The top of this checkout: `runtime/`, `kernel/` and `vagrant/` are read from here."""

EXERCISES = CHECKOUT / "exercises"
"""The kit's exercises and their checks."""


def cache() -> Path:
    """The folder of everything that can be made again: images and downloads.

    Raises:
        LabError: nobody says where it is.
        OSError: it cannot be made.
    """
    return _folder("BOXWRIGHT_CACHE", "XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """The folder of what cannot be made again: machines, snapshots, keys; readable by its owner only.

    Raises:
        LabError: nobody says where it is.
        OSError: it cannot be made.
    """
    return _folder("BOXWRIGHT_STATE", "XDG_STATE_HOME", ".local/state")


def home() -> Path:
    """The user's home folder.

    Raises:
        LabError: nobody says where it is.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise LabError(
            f"It is not known where your home folder is: HOME is not set, and this host knows no user {os.getuid()}",
            "Set HOME.",
        ) from None


def expanded(path: Path) -> Path:
    """A path that a person gave, with `~` and `~user` replaced.

    Raises:
        LabError: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise LabError(
            f"{path} has no meaning here: there is no such user", "Write the whole path."
        ) from error


def exercises(top: Path = EXERCISES) -> tuple[Path, ...]:
    """The folders in which exercises are looked for.

    Beside the kit's own they are those that `BOXWRIGHT_EXERCISES` names, with colons between
    them: a course's exercises, which need not lie in the checkout.

    Args:
        top: the kit's; any other stands for itself alone.

    Raises:
        LabError: there is no such folder.
    """
    if top != EXERCISES:
        return (top,)
    named = [Path(each).absolute() for each in os.environ.get("BOXWRIGHT_EXERCISES", "").split(":") if each]
    for each in named:
        if not each.is_dir():
            raise LabError(
                f"BOXWRIGHT_EXERCISES names {each}, and there is no such folder", "Correct it, or unset it."
            )
    return tuple(dict.fromkeys((top, *named)))


def _folder(own_variable: str, xdg_variable: str, below_home: str) -> Path:
    own = os.environ.get(own_variable)
    if own:
        path = Path(own).absolute()
    else:
        base = os.environ.get(xdg_variable)
        path = (Path(base) if base else home() / below_home) / "boxwright"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
