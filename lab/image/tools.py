"""Runs the host's tools: found or named by package, logged, ended when we end, never left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from lab.errors import LabError

PACKAGES = {
    "apt-get": "apt",
    "apt-config": "apt",
    "debugfs": "e2fsprogs",
    "e2image": "e2fsprogs",
    "grub-mkimage": "grub-common",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "qemu-img": "qemu-utils",
    "setpriv": "util-linux",
    "timeout": "coreutils",
    "unshare": "util-linux",
}
"""Debian's package of each tool that is called."""

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
"""Where tools are looked for: an ordinary user's PATH may lack the folders of file system tools."""

END_SECONDS = 15.0
"""How long a tool may take to clean up after SIGTERM."""


def find(name: str) -> str:
    """The path of a tool.

    Raises:
        LabError: it is not installed; names the package that has it.
    """
    path = shutil.which(name, path=SEARCH_PATH)
    if path is None:
        raise LabError(
            f"The program {name} is not installed on this host",
            f"Install the package {PACKAGES.get(name, name)}.",
        )
    return path


def output(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
) -> str:
    """What a quick tool prints on both outputs, whatever its status.

    Args:
        arguments: the tool's name and its arguments.
        environment: variables in addition to ours.
        folder: its working folder; ours by default.

    Raises:
        LabError: it is not installed.
    """
    done = subprocess.run(
        [find(arguments[0]), *arguments[1:]],
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    return done.stdout.decode("utf-8", "replace")


def run(
    arguments: Sequence[str],
    log: Path,
    *,
    on_line: Callable[[str], None] | None = None,
    stdin: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
) -> int:
    """Run a tool to its end and return its exit status; what it prints is appended to `log`.

    The tool and all that it started get SIGTERM when this process dies or is interrupted (so
    that it can clean up), and SIGKILL when it does not end after that.

    Args:
        arguments: the tool's name and its arguments.
        log: file for its standard output and error.
        on_line: called with each line of them.
        stdin: its standard input; none by default.
        pass_fds: open files that it inherits.
        environment: its variables; ours by default.
        folder: its working folder; ours by default.
        timeout: seconds that it may take; no limit by default.

    Raises:
        LabError: it is not installed.
        TimeoutError: time was up, and it was ended.
    """
    variables = dict(os.environ if environment is None else environment)
    command = [
        # The parent-death signal comes also after a SIGKILL to us (prctl(2), PR_SET_PDEATHSIG) …
        *(find("setpriv"), "--pdeathsig", "TERM"),
        # … and timeout(1), here without a limit, hands it to the whole process group, as a terminal
        # does: mmdebstrap itself waits for its children whatever it is sent.
        *(find("timeout"), f"--kill-after={END_SECONDS:.0f}", "0"),
        *(find(arguments[0]), *arguments[1:]),
    ]
    with log.open("ab", buffering=0) as file:
        tool = subprocess.Popen(
            command,
            cwd=folder,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            env={**variables, "PATH": SEARCH_PATH},
            start_new_session=True,
        )
        assert tool.stdout is not None
        # Its output ends when it does, so a second thread watches the clock.
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _end(tool)

        clock = threading.Timer(timeout or 0, expire)
        if timeout is not None:
            clock.start()
        try:
            with tool.stdout:
                for line in tool.stdout:
                    file.write(line)
                    if on_line is not None:
                        on_line(line.decode("utf-8", "replace").rstrip())
            status = tool.wait()
        except BaseException:
            _end(tool)
            raise
        finally:
            clock.cancel()
    if expired.is_set():
        raise TimeoutError(f"{arguments[0]} did not end within {timeout:.0f} s")
    return status


def mending(error: OSError) -> str:
    """What to do about a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Let your user write there, or name another place with BOXWRIGHT_CACHE or TMPDIR."
    return "Mend that and try again."


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, to be shown with an error."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _end(tool: subprocess.Popen[bytes]) -> None:
    if tool.poll() is None:
        tool.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            tool.wait(END_SECONDS + 2)
    # The tool led its own session, so the group holds only what it started.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(tool.pid, signal.SIGKILL)
    tool.wait()
