"""git in a workspace: begun with one commit, without asking what the user has configured."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from lab.errors import LabError

SECONDS = 60
"""How long one call of git may take."""


def begin(folder: Path, message: str, student: str) -> bool:
    """Make a folder a repository with all that is in it as its first commit; false where there is no git.

    The commit is the kit's own. Where git knows no name for the user, the repository gets one, so that
    the student's commits work, too.

    Args:
        folder: not yet a repository.
        message: of the commit.
        student: the student's id; may be empty.

    Raises:
        LabError: git failed, or did not end.
    """
    if shutil.which("git") is None:
        return False
    # Templates, hooks and signing are the user's own affair, and may want a person.
    _git(folder, "init", "-q", "--template=", "-b", "main")
    _git(folder, "add", "--all")
    _git(
        folder, "-c", "user.name=Boxwright", "-c", "user.email=boxwright@localhost",
        "-c", "commit.gpgSign=false", "-c", "core.hooksPath=", "commit", "-q", "--no-verify", "-m", message,
    )  # fmt: skip
    if _run(folder, "config", "user.email").returncode:
        _git(folder, "config", "user.name", student or "student")
        _git(folder, "config", "user.email", f"{student or 'student'}@localhost")
    return True


def _git(folder: Path, *arguments: str) -> None:
    done = _run(folder, *arguments)
    if done.returncode:
        raise LabError(
            f"git could not keep the workspace: `{shlex.join(['git', *arguments])}` ended with {done.returncode}",
            "Mend git; nothing was made.",
            detail=done.stderr.strip(),
        )


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Called from within a hook or an alias, git would mean that repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    for key in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"):
        if key in os.environ:
            environment[key] = os.environ[key]
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LabError(
            f"git could not keep the workspace: `{shlex.join(['git', *arguments])}` did not end within {SECONDS} s",
            "See what it waits for; nothing was made.",
        ) from None
