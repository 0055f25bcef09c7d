"""The one exception that a client may see, and the statuses it can end with."""

from __future__ import annotations

ENGINE_ERROR = 125
"""The engine could not do it (the number that docker, podman and env(1) use)."""
NOT_EXECUTABLE = 126
"""The program is there, but cannot be executed."""
NOT_FOUND = 127
"""There is no such program."""
SIGNALLED = 128
"""Added to the number of the signal that ended a container."""


class EngineError(Exception):
    """A request that could not be done.

    Args:
        what: what happened, and to what.
        remedy: what the user can do about it.
        exit_status: the status with which the client ends.
    """

    def __init__(self, what: str, remedy: str = "", exit_status: int = ENGINE_ERROR) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.exit_status = exit_status

    def __str__(self) -> str:
        sentence = self.what.rstrip(".") + "."
        return f"{sentence} {self.remedy}".rstrip()


class UsageError(EngineError):
    """A command line that the engine does not understand."""
