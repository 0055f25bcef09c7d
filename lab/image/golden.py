"""The golden overlay: a base image after the playbook, from which every lab VM starts.

The base image is booted once on an overlay of its own, the playbook runs over SSH, the
guest shuts down, and the overlay is kept. It is named after everything that went into it,
so a changed playbook or workload makes a new one and leaves running machines alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lab import durable, paths, provision
from lab.console import Progress
from lab.errors import MachineError
from lab.image import alpine, build, contents, store
from lab.image.inputs import digest, files_below
from lab.machine import boot, process
from lab.machine.acceleration import acceleration
from lab.machine.address import SshAddress
from lab.machine.connection import Connection
from lab.machine.keys import lab_keys
from lab.machine.qemu_command import BootFiles, Hardware, command_line, new_overlay
from lab.machine.record import require_unused

RECORD = "golden.json"
LOG = "ansible.log"


@dataclass(frozen=True)
class GoldenImage:
    """What a lab VM boots from."""

    folder: Path
    """Its own; what is made from it, such as a warm state, may be kept there too."""
    base: store.Image
    boot: BootFiles

    @property
    def suite(self) -> str:
        """The guest's release."""
        return self.base.suite


def golden_image(
    suite: str | None = None,
    *,
    progress: Progress,
    force: bool = False,
    alpine_path: Path | None = None,
) -> GoldenImage:
    """The golden overlay of a release, made (and its base image built) where it is missing.

    Args:
        suite: the guest's release; None for the default one.
        progress: told what is done.
        force: build the base image again, from what the mirror has now.
        alpine_path: a tarball of Alpine's minirootfs to use in the place of a download.

    Raises:
        LabError: the base cannot be built, does not boot, or the playbook fails.
    """
    base = build.base_image(suite, progress, force=force)
    with store.in_use(base):
        return _found_or_made(base, progress, alpine_path)


def _found_or_made(base: store.Image, progress: Progress, alpine_path: Path | None) -> GoldenImage:
    listed = contents.read()
    if alpine_path is None:
        for tarball_digest in alpine.image_digests(listed):
            found = find(base, tarball_digest)
            if found is not None:
                return found
    tarball = alpine.find(listed, progress, user_path=alpine_path)
    name = key(base, tarball.sha256)
    with store.locked(
        f"golden-{name}", lambda: progress.step("Waiting for another `lab` that prepares this image")
    ):
        found = find(base, tarball.sha256)
        if found is not None:
            return found
        new = base.folder / "golden" / f"{name}.new"
        made_before = new.with_suffix("")  # and could not be read, else it had been found
        require_unused(made_before)
        _clean(new)
        new.mkdir(parents=True, mode=0o700)
        try:
            boot.retried_once(lambda: _make(base, tarball, new, progress))
            if made_before.exists():  # a power cut emptied its files
                shutil.rmtree(made_before)
            durable.publish(new, made_before)
        finally:
            _clean(new)
    made = find(base, tarball.sha256)
    assert made is not None
    return made


def key(base: store.Image, tarball_digest: str) -> str:
    """Names a golden overlay by what goes into it."""
    playbook = digest(files_below(provision.PLAYBOOK.parent))
    workloads = digest(files_below(paths.CHECKOUT / "runtime/workloads"))
    identity = json.dumps([base.name, playbook, workloads, tarball_digest])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def find(base: store.Image, tarball_digest: str) -> GoldenImage | None:
    """The finished golden overlay for a base image and a tarball; None where there is none that can be read."""
    folder = base.folder / "golden" / key(base, tarball_digest)
    try:
        json.loads((folder / RECORD).read_text())
        if (folder / store.DISK).stat().st_size == 0:
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return GoldenImage(folder, base, BootFiles(folder / store.DISK, base.kernel, base.initrd))


def _make(base: store.Image, tarball: alpine.Tarball, folder: Path, progress: Progress) -> None:
    keys = lab_keys()
    found = acceleration(base.kernel, base.initrd, progress)
    began = time.monotonic()
    progress.step(f"Booting the image for the first time ({found.accelerator})")
    new_overlay(base.disk, folder / store.DISK)
    boot.write_initrd(base.initrd, keys, folder / store.INITRD)
    (folder / "serial.log").unlink(missing_ok=True)
    files = BootFiles(folder / store.DISK, base.kernel, folder / store.INITRD)
    port = boot.free_port()
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(keys.known_hosts_line("127.0.0.1", port))
    address = SshAddress("127.0.0.1", port, "root", keys.login, known_hosts)
    process.start(
        command_line(
            name=f"golden-{base.suite}",
            folder=folder,
            boot=files,
            hardware=Hardware(),
            accelerator=found.accelerator,
            port=port,
        ),
        folder,
    )
    try:
        boot.await_first_answer(folder, port, boot.BOOT_SECONDS[found.accelerator])
        progress.step("Running the playbook on it")
        variables = {"boxwright_alpine_tarball": str(tarball.path), "boxwright_alpine_digest": tarball.sha256}
        outcome = provision.provision(address, variables=variables, log=folder / LOG, progress=progress)
        progress.step("Shutting it down")
        _shut_down(address, folder)
    finally:
        process.end(folder)
    for leftover in ("serial.log", "known_hosts", store.INITRD):
        (folder / leftover).unlink(missing_ok=True)
    record = {
        "alpine_sha256": tarball.sha256,
        "changed_tasks": outcome.changed,
        "accelerator": found.accelerator,
        "seconds": round(time.monotonic() - began, 1),
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")


def _shut_down(address: SshAddress, folder: Path) -> None:
    """Let the guest write everything and power off; QEMU then waits for us (`-action shutdown=pause`)."""
    connection = Connection(address, scale=lambda seconds: seconds * 10)
    try:
        # What only this guest is: a clone makes its own.
        connection.run("rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys; : > /etc/machine-id; sync")
        connection.run("systemctl poweroff", check=False, timeout=10)
    except MachineError:
        pass  # the connection may end before the command says so
    finally:
        connection.close()
    process.await_state(folder, {"shutdown"}, timeout=120)


def _clean(new: Path) -> None:
    """End and remove what a `lab` that was killed left."""
    if new.exists():
        process.end(new)
        shutil.rmtree(new)
