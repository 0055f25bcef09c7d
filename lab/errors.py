"""The one exception that a user of the kit may see, and the clear sentence it carries.

Everything that can go wrong outside this program (a missing tool, a full disk, a
guest that hangs) is raised as a `LabError`. The command line prints it as one
sentence and exits with `exit_status`; anything else is a bug of ours.
"""

from __future__ import annotations


def sentence(what: str) -> str:
    """What happened, with one full stop at its end."""
    return f"{what.rstrip('.')}."


class LabError(Exception):
    """A failure that the user can act on: what happened, where, and what to do.

    Args:
        what: what happened, and to what (a path, a machine, an address).
        remedy: what the user can do about it; an imperative sentence.
        detail: evidence shown below the sentence, such as the end of a log.
        exit_status: the status with which a command line ends.
    """

    def __init__(self, what: str, remedy: str = "", *, detail: str = "", exit_status: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.detail = detail
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"{sentence(self.what)} {self.remedy}".rstrip()


class MachineError(LabError):
    """A machine did not do its part: it could not start, was lost, or does not answer."""


class CommandFailed(LabError):
    """A command in a guest ended with a status other than zero."""


class CommandTimeout(MachineError):
    """A command in a guest did not end within its time limit."""
