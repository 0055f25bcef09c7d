"""What a check finds, and how checks are run: the short ones side by side, the long ones where Ctrl-C reaches them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.console import NoProgress, Progress
from lab.errors import LabError
from lab.image import tools

Status = Literal["ok", "warning", "failed", "skipped"]
"""`warning`: the lab works, but less well. `skipped`: does not matter here, or could not be looked at."""

AT_ONCE = 6
"""Short checks that run at the same time: they wait for other programs more than they compute."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    """Of the check: lower case, the same in every version."""
    status: Status
    found: str
    """What is the case, with figures."""
    fix: str = ""
    """What to do about it: a command, or a sentence with commands in backquotes. Empty where nothing is to be done."""


@dataclass(frozen=True)
class Check:
    """One question, which may have several answers."""

    name: str
    look: Callable[[], Iterable[Finding]]
    may_take_long: bool = False
    """Whether a person may want to interrupt it."""


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", found)


def warning(name: str, found: str, fix: str) -> Finding:
    """It works, but less well."""
    return Finding(name, "warning", found, fix)


def failed(name: str, found: str, fix: str) -> Finding:
    """The lab cannot work like this."""
    return Finding(name, "failed", found, fix)


def skipped(name: str, found: str) -> Finding:
    """It does not matter here, or cannot be looked at."""
    return Finding(name, "skipped", found)


def from_error(name: str, error: LabError) -> Finding:
    """A failure in the words of whatever would have failed later."""
    return failed(name, sentence(error.what), error.remedy)


def sentence(text: str) -> str:
    """One line without a full stop, as all findings are."""
    return " ".join(text.split()).rstrip(".")


def examine(checks: Sequence[Check], progress: Progress | None = None) -> list[Finding]:
    """Run the checks and return what they found, in their order.

    Args:
        checks: to be run; none may depend on another.
        progress: told which long check runs.
    """
    told = progress or NoProgress()
    answers: dict[str, list[Finding]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {check.name: pool.submit(_run, check) for check in checks if not check.may_take_long}
        for check in checks:
            if check.may_take_long:
                told.detail(check.name)
                answers[check.name] = _run(check)
        for name, answer in running.items():
            if not answer.done():
                told.detail(name)
            answers[name] = answer.result()
    return [finding for check in checks for finding in answers[check.name]]


def _run(check: Check) -> list[Finding]:
    """A check that could not be made has failed; only a fault of ours gets through."""
    try:
        return list(check.look())
    except LabError as error:
        return [from_error(check.name, error)]
    except (OSError, subprocess.SubprocessError) as error:
        return [
            failed(
                check.name, f"it could not be looked at: {sentence(str(error))}", "Mend that, and try again."
            )
        ]


def ask(arguments: Sequence[str], *, timeout: float = 5) -> tuple[int, str]:
    """Run a tool of the host and return its exit status and what it said on both outputs.

    Raises:
        LabError: it is not installed.
        TimeoutError: it did not end in time, and was ended.
    """
    with tempfile.NamedTemporaryFile(prefix="boxwright-doctor-") as log:
        status = tools.run(arguments, Path(log.name), timeout=timeout)
        return status, log.read().decode("utf-8", "replace").strip()


def as_root(command: str) -> str:
    """The command as this user must type it to run it as root."""
    return command if os.geteuid() == 0 else f"sudo {command}"


def install(*packages: str) -> str:
    """The command that installs packages of the distribution."""
    return as_root(f"apt-get install --no-install-recommends -y {' '.join(sorted(set(packages)))}")
