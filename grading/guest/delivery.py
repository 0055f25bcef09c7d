"""Brings a submission into a guest and builds it there; nothing of it is ever run on the host."""

from __future__ import annotations

import errno
import io
import posixpath
import re
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grading.guest.observer import GuestError, Observer
from grading.guest.records import Finished
from grading.submissions.attempts import Attempt
from grading.submissions.compiling import errors_first
from grading.submissions.rootfs import TARBALL
from lab.errors import LabError

TREE = "/submission"
COMPILER = "/run/boxwright-compiler"
BUILD_SECONDS = 90.0
"""For one attempt, on a fast machine's scale of 1; a module takes some seconds even under emulation."""

NEVER_NEEDED = re.compile(
    rf"{re.escape(TARBALL)}|\.(?:png|jpe?g|gif|webp|pdf|docx?|pptx?|mp4|mov|mkv|webm)$", re.IGNORECASE
)
"""Names of files that no build reads: Alpine's file system, which every guest has of ours, and what a report
is illustrated with. They are most of a submission's bytes, and each megabyte costs half a second."""

OUTPUT_BYTES = 256 << 10

OLDER = ", as gcc 13 would"
"""How the label of an attempt ends for which gcc warns where it refuses by itself."""

REFUSAL_CHARACTERS = 400

USED_UP = (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.ENFILE)
"""No process, memory, disk or file is left in the guest: a fork bomb, or what fills a disk."""


@dataclass(frozen=True)
class Tried:
    """One way of building that was tried."""

    label: str
    folder: str
    finished: Finished

    @property
    def said(self) -> str:
        """What it wrote."""
        return self.finished.said


@dataclass(frozen=True)
class Product:
    """A program or a module, built; its path is in the guest. Empty where no attempt gave one."""

    path: str
    label: str
    attempts: tuple[Tried, ...]

    @property
    def refusals(self) -> tuple[str, ...]:
        """What this guest's own compiler said to a program that only an older one takes; mostly it is a bug."""
        if not self.path or not self.attempts or not self.label.endswith(OLDER):
            return ()  # of one that was kept since it was built, nobody knows any more what was said
        label = self.label.removesuffix(OLDER)
        refused = next((each for each in self.attempts if each.label == label), self.attempts[0])
        said = errors_first(refused.finished.said, REFUSAL_CHARACTERS)
        return (f"this release's gcc refuses what an older one takes: {' / '.join(said.splitlines())}",)

    @property
    def words(self) -> str:
        """What the builders said, for the student."""
        return "\n".join(
            f"$ {' '.join(attempt.finished.words)}  → {attempt.finished.code}"
            f"{' (time limit)' if attempt.finished.timed_out else ''}\n"
            + errors_first(attempt.finished.said, 1500)
            for attempt in self.attempts
        )


def deliver(
    observer: Observer, source: Path, destination: str, leave_out: Callable[[Path], bool] = lambda path: False
) -> None:
    """Copy a folder of the host into the guest, as root's.

    Args:
        observer: of a guest in which nothing of the submission has run yet: its own `tar` unpacks.
        source: the folder; holds only regular files, folders and links that stay inside.
        destination: an absolute path; made where it is missing.
        leave_out: true for a path (relative to the source) that stays behind.

    Raises:
        LabError: the guest could not unpack it.
    """
    buffer = io.BytesIO()
    top = destination.strip("/")

    def entry(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        relative = Path(member.name).relative_to(top)
        if relative.parts and (NEVER_NEEDED.search(relative.name) or leave_out(relative)):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(source, top, filter=entry)
    done = observer.run("tar", "-x", "-o", "-C", "/", stdin=buffer.getvalue(), timeout=60)
    if done.code != 0:
        raise LabError(f"{source} could not be delivered into the guest", detail=done.error_text[-1000:])


def build(
    observer: Observer,
    attempts: Sequence[Attempt],
    product: Callable[[], str],
    *,
    before: Sequence[Tried] = (),
    left: Callable[
        [Attempt, str, tuple[Attempt, ...]], tuple[Attempt, ...]
    ] = lambda _attempt, _said, others: others,
    seconds: float = BUILD_SECONDS,
) -> Product:
    """Try ways of building in their order until one gives the product.

    Args:
        observer: of the guest.
        attempts: their folders are paths in the guest.
        product: looks for the product; its path, or nothing.
        before: what was tried already, in vain.
        left: from an attempt that failed, what it wrote and all that come after it, those that are worth trying.
        seconds: the most for each attempt.

    Raises:
        GuestError: what was run before left nothing to run with; the submission's doing.
        LabError: the guest cannot run it; ours.
    """
    tried = list(before)
    path = product() if not attempts else ""
    waiting = tuple(attempts)
    while waiting:
        attempt, *others = waiting
        try:
            for name, content in attempt.writes:
                observer.write(posixpath.join(attempt.folder, name), content.encode())
            finished = observer.run(*attempt.argv, folder=attempt.folder, timeout=seconds, limit=OUTPUT_BYTES)
        except GuestError as error:
            if error.errno in USED_UP:
                raise  # a fresh guest has enough of it: what was built before took it
            raise LabError(f"The guest could not run `{' '.join(attempt.argv)}`: {error}") from error
        tried.append(Tried(attempt.label, attempt.folder, finished))
        path = product()
        if path:
            return Product(path, attempt.label, tuple(tried))
        waiting = left(attempt, tried[-1].said, tuple(others))
        if finished.timed_out and attempt.argv[0] == "make":
            # The same Makefile would hang again, and take the time of the checks.
            waiting = tuple(
                each for each in waiting if each.argv[0] != "make" or each.folder != attempt.folder
            )
    return Product(path, "", tuple(tried))


def with_older_compiler(observer: Observer, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The same attempts with a gcc that warns where it did before version 14, and does not refuse.

    Courses name a release of Ubuntu whose gcc took what this one refuses by default
    (https://gcc.gnu.org/gcc-14/porting_to.html, "C language issues"); that is no fault of a submission.
    """
    observer.run("mkdir", "-p", COMPILER)
    for name in ("gcc", "cc"):
        script = f'#!/bin/sh\nexec /usr/bin/{name} -fpermissive "$@"\n'
        observer.write(f"{COMPILER}/{name}", script.encode(), mode=0o755)
    path = f"PATH={COMPILER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return tuple(
        replace(each, label=f"{each.label}{OLDER}", argv=("env", path, *each.argv)) for each in attempts
    )


def find_files(
    observer: Observer, folder: str, wanted: Callable[[str, str], bool], depth: int = 4
) -> list[str]:
    """Regular files below a folder for which `wanted(path, name)` holds; the shallowest first."""
    found: list[str] = []
    level = [folder]
    for _ in range(depth):
        below: list[str] = []
        for each in level:
            try:
                names = observer.names(each)
            except GuestError:
                continue
            for name in names:
                path = posixpath.join(each, name)
                status = observer.stat(path)
                if status is None:
                    continue
                if status.kind == "d" and not name.startswith("."):
                    below.append(path)
                elif status.kind == "f" and wanted(path, name):
                    found.append(path)
        level = below
    return found


def is_program(observer: Observer, path: str) -> bool:
    """Whether it is executable and an ELF file or a script."""
    status = observer.stat(path)
    if status is None or status.kind != "f" or not status.mode & 0o111:
        return False
    head = observer.read(path, most=4)
    return head == b"\x7fELF" or head[:2] == b"#!"
