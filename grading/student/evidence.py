"""What there was to see while the checks of one run went on, kept in the workspace for `lab logs`."""

from __future__ import annotations

import contextlib
import posixpath

from grading.guest.delivery import find_files
from grading.guest.observer import Job
from grading.student.bench import WorkspaceSession
from lab.errors import LabError
from lab.workspace import logs
from lab.workspace.state import Workspace

LOG_FOLDERS = ("/var/log/boxwright", "/var/log/engine-c")
"""Where the engines of both tracks put their containers' logs."""

MOST_CONTAINERS = 60
SHOWN_BYTES = 2000
"""Of each answer among the calls."""


def gather(session: WorkspaceSession) -> dict[str, bytes]:
    """The parts of `logs.PARTS`, as far as they are known without asking the guest."""
    engine = session.built.engine.path if session.built is not None else ""
    kernel: list[bytes] = []
    calls: list[bytes] = []
    supervisor: list[bytes] = []
    for seen in session.seen():
        for record in seen.kernel:
            if record.facility == 0:
                kernel.append(f"[{record.seconds:11.6f}] {record.text}\n".encode("utf-8", "backslashreplace"))
        for job in seen.programs:
            if job.words[0] != engine:
                continue
            said = printed(job)
            if "supervisor" in job.words[1:3]:
                supervisor.append(said)
            status = f"  → {job.finished.code}" if job.finished is not None else "  → goes on"
            calls.append(f"$ engine {' '.join(job.words[1:])}{status}\n".encode("utf-8", "backslashreplace"))
            calls.append(said[:SHOWN_BYTES] + (b"" if said.endswith(b"\n") or not said else b"\n"))
    return {"kernel": b"".join(kernel), "supervisor": b"".join(supervisor), "calls": b"".join(calls)}


def printed(job: Job) -> bytes:
    """What a program has printed so far."""
    if job.finished is None:
        with contextlib.suppress(LabError, OSError):  # the guest may be lost
            return b"".join(job.output())
    return job.peek()


def write(workspace: Workspace, seen: dict[str, bytes]) -> None:
    """Keep them.

    Raises:
        OSError: this host cannot write there.
    """
    logs.write(workspace, seen)


def write_containers(workspace: Workspace, session: WorkspaceSession) -> None:
    """Keep the containers' logs that can be found in the guest.

    Raises:
        LabError: the guest is lost.
        OSError: this host cannot write there.
    """
    guest = session.bench.guest
    if guest is None:
        return
    for folder in LOG_FOLDERS:
        found = find_files(guest.observer, folder, lambda path, name: name.endswith(".log"), depth=2)
        for path in found[:MOST_CONTAINERS]:
            name = posixpath.basename(path).removesuffix(".log")
            logs.write_container(workspace, name, guest.observer.read(path, most=logs.MOST_BYTES))
