"""What a child reports over its error pipe, in words for whoever asked for it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from supervisor.errors import ENGINE_ERROR, NOT_EXECUTABLE, NOT_FOUND, EngineError
from supervisor.options import show

if TYPE_CHECKING:
    from supervisor.container import Failure


def explain(identifier: str, program: bytes, failure: Failure) -> EngineError:
    """The failure of a child as its client shall read it, with the status docker and podman would give."""
    step, number, text, path = failure
    if not step.startswith("executing"):
        where = f" ({path})" if path else ""
        return EngineError(
            f"container {identifier} could not be set up: {step}: {text}{where}", exit_status=ENGINE_ERROR
        )
    name = show(path or program)
    if number in (errno.ENOENT, errno.ENOTDIR):
        if step != "executing":
            return EngineError(
                f"{name} is there, but its interpreter or dynamic loader is not",
                "Look at its first line, or link it statically.",
                NOT_FOUND,
            )
        return EngineError(
            f"{name} is not found in the container", "The path is seen from inside its rootfs.", NOT_FOUND
        )
    remedy = {
        errno.EACCES: "Is it a file, and executable (chmod +x)?",
        errno.ENOEXEC: "It is neither a program for this machine nor a script with a #! line.",
    }.get(number, "")
    return EngineError(f"{name} cannot be executed: {text}", remedy, NOT_EXECUTABLE)
