"""Reaches running machines, side by side, and brings the work that lies on them here, where it is looked at.

What comes from a machine is an archive from a stranger: cut at a limit, unpacked as any submission is.
One that does not answer costs itself a few seconds and the others nothing.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import socket
import time
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.run import machines
from grading.run.inventory import Listed
from grading.submissions.archives import is_named_as_archive
from grading.submissions.streams import format_of
from grading.submissions.tree import NEVER
from lab import paths
from lab.console import NoProgress, Progress
from lab.errors import LabError, MachineError
from lab.hosts import usable_key
from lab.machine import host_key, kinds
from lab.machine.host import UNMEASURED
from lab.machine.record import SshRecord, machine_folder, write_record
from lab.machine.remote import RemoteMachine
from lab.machine.ssh import SshMachine

AT_ONCE = 16
"""Machines that are reached and graded side by side: each has its own processors, ours only wait."""

MOST_BYTES = 128 << 20
"""Of what is brought from a machine."""

FIRST_NAME = 1000
"""Of the numbers in the names of machines that an inventory lists; see `grading.run.machines.name`."""

FETCH_SECONDS = 60.0
"""For that, on a fast machine."""

SLOWEST = 60.0
"""What a machine says of its speed is believed up to here: time limits follow from it."""


@dataclass
class Reached:
    """Which machines can be graded, and why the others cannot."""

    folder: Path
    """Of the submissions, as `grade run` wants it."""
    hosts: dict[str, str] = field(default_factory=dict)
    """By submission: the machine's name in the lab."""
    missing: dict[str, str] = field(default_factory=dict)
    """By submission: one sentence."""
    slowness: float = 1.0
    """Of the slowest."""


@contextmanager
def reached(
    listed: Sequence[Listed], work: Path, progress: Progress, *, accept_host_keys: bool = False
) -> Iterator[Reached]:
    """Reach all that are listed and bring their work here; machines that the lab did not know are forgotten afterwards.

    Args:
        listed: from an inventory.
        work: a folder of ours.
        progress: told how many answered.
        accept_host_keys: trust the key that a machine shows, where nothing else says which is right.
    """
    found = Reached(work / "class")
    found.folder.mkdir()
    # Not the names of places, whose machines go when a job ends.
    ours = {
        each.student: machines.name(FIRST_NAME + number)
        for number, each in enumerate(listed)
        if not each.machine
    }

    def reach(each: Listed) -> float | str:
        try:
            name = each.machine or _known(ours[each.student], each, accept=accept_host_keys)
            return _bring(name, each, found.folder)
        except LabError as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"{each.host or each.machine} cannot be reached: {error}"

    try:
        progress.step(f"Reaching {len(listed)} machines")
        with ThreadPoolExecutor(min(AT_ONCE, len(listed))) as pool:
            for each, came in zip(listed, pool.map(reach, listed), strict=True):
                if isinstance(came, str):
                    found.missing[each.student] = came
                else:
                    found.hosts[each.student] = each.machine or ours[each.student]
                    found.slowness = max(found.slowness, came)
        yield found
    finally:
        for name in ours.values():
            machines.remove(name)


def _known(name: str, each: Listed, *, accept: bool) -> str:
    """Write down where a machine is, as `lab add` does, but for this run alone.

    Raises:
        LabError: it does not answer, nobody says which host key is right, or it does not let us in.
    """
    _answers(each)
    record = SshRecord(
        name, each.host, each.port, each.user, usable_key(each.key), _pins(each, accept=accept), UNMEASURED, "",
        time.time(),
    )  # fmt: skip
    machine_folder(name).mkdir(mode=0o700, exist_ok=True)
    machine = SshMachine(record)
    try:
        survey = machine.survey()
    finally:
        machine.close()
    slowness = min(SLOWEST, max(1.0, survey.slowness))
    write_record(
        SshRecord(
            name,
            each.host,
            each.port,
            each.user,
            record.key,
            record.host_keys,
            slowness,
            survey.suite,
            record.created,
        )
    )
    return name


def _answers(each: Listed) -> None:
    """Settle quickly whether anybody is there at all."""
    try:
        socket.create_connection((each.host, each.port), 10).close()
    except OSError as error:
        raise MachineError(
            f"Nobody answers at {each.host} port {each.port}: {error.strerror or error}",
            "Start the machine, or mend the inventory.",
        ) from error


def _pins(each: Listed, *, accept: bool) -> tuple[str, ...]:
    """The host keys that count: the inventory's, else those that the user's ssh knows, else what is accepted."""
    if each.host_key:
        return host_key.given(each.host_key, each.host, each.port)
    known = paths.home() / ".ssh" / "known_hosts"
    if known.is_file():
        with contextlib.suppress(LabError):  # it holds none of this host
            return host_key.given(str(known), each.host, each.port)
    if accept:
        return (host_key.scan(each.host, each.port),)
    raise LabError(
        f"Nobody says which host key of {each.host} port {each.port} is right",
        "Give `host_key` in the inventory, log in once with ssh, or trust what they show with --accept-host-keys.",
    )


def _bring(name: str, each: Listed, folder: Path) -> float:
    """The work of one submission into the folder; returns how slow its machine is.

    Raises:
        LabError: the machine does not answer, or there is no such work.
    """
    machine = kinds.find(name, NoProgress())
    try:
        if each.source is not None:
            machine.run("true", timeout=20)
            _copy(each.source, folder / each.student)
        else:
            _fetch(machine, each.folder, folder / f"{each.student}.tar")
        return machine.deadline(1.0)
    finally:
        machine.close()


def _copy(source: Path, place: Path) -> None:
    """A link to the work on this host; it is opened where it lies."""
    if not source.exists():
        raise LabError(f"There is no work at {source}", "Mend the inventory.")
    if source.is_file() and not is_named_as_archive(source.name):
        raise LabError(f"{source} is neither a folder nor an archive", "Mend the inventory.")
    if source.is_file():
        suffix = "".join(source.suffixes[-2:]) if source.stem.endswith(".tar") else source.suffix
        shutil.copyfile(source, place.with_name(place.name + suffix))
    else:
        place.symlink_to(source.resolve())


def _fetch(machine: RemoteMachine[Any], folder: str, archive: Path) -> None:
    """Bring a folder as tar, through our own connection, with a limit of bytes and of time."""
    quoted = shlex.quote(folder)
    if not machine.run(f"test -d {quoted}", check=False, timeout=20).ok:
        raise LabError(f"There is no folder {folder} on the machine", "Mend the inventory.")
    left_out = " ".join(f"--exclude={shlex.quote(name)}" for name in sorted(NEVER))
    stream = machine.connection.talk(f"exec tar -c -C {quoted} {left_out} .")
    deadline = time.monotonic() + min(machine.deadline(FETCH_SECONDS), 600)
    size = 0
    try:
        with archive.open("xb") as file:
            while True:
                stream.settimeout(max(0.1, deadline - time.monotonic()))
                piece = stream.recv(1 << 16)
                if not piece:
                    break
                size += len(piece)
                if size > MOST_BYTES or time.monotonic() > deadline:
                    raise LabError(
                        f"What lies in {folder} is more than {MOST_BYTES >> 20} MiB, or does not come in time",
                        "Name the folder with the sources alone.",
                    )
                file.write(piece)
        # The end of the stream is the end of the archive only if tar says so: 1 is a file that changed meanwhile.
        stream.status_event.wait(max(0.1, deadline - time.monotonic()))
        if stream.exit_status not in (0, 1):
            said = stream.recv_stderr(1 << 12) if stream.recv_stderr_ready() else b""
            raise LabError(
                f"The machine did not send all of {folder}: the connection was lost, or its tar failed",
                "Grade it again; look whether tar can read all of it there.",
                detail=said.decode("utf-8", "replace"),
            )
    except TimeoutError:
        archive.unlink(missing_ok=True)
        raise LabError(
            f"What lies in {folder} does not come in time", "Look what the machine does."
        ) from None
    except BaseException:
        archive.unlink(missing_ok=True)
        raise
    finally:
        stream.close()
    # Not asked of `tarfile`, which holds as much in memory as a header of a stranger's claims.
    if not _is_tar(archive):
        archive.unlink()
        raise LabError(f"The machine sent no archive of {folder}", "Look whether it has tar.")


def _is_tar(archive: Path) -> bool:
    try:
        return format_of(archive) == "tar"
    except zipfile.BadZipFile:
        return False
