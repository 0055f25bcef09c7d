"""The golden image as a Vagrant box for the provider libvirt, and the catalogue by which Vagrant finds it.

    boxes/boxwright.json                 the catalogue: name, version, where the box is
    boxes/boxwright-SUITE-VERSION.box    a tar of metadata.json, Vagrantfile and box.img

Libvirt starts a disk by itself, without our kernel and initrd beside it. So the box's disk has
two partitions: a tar with kernel and initrd, which GRUB reads as a file system, and the
image's own. It holds no secret: free blocks, in which deleted files live on, are not copied,
a machine makes its host key at its first start. This lab's public key is in it, so that the
box is for this host; a portable one has Vagrant's own well-known key, in whose place
`vagrant up` puts a new one, which takes a while.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.errors import LabError
from lab.image import store, tools
from lab.image.golden import RECORD, GoldenImage
from lab.machine.keys import lab_keys

CATALOGUE = "boxwright.json"
PROVIDER = "libvirt"
PORTABLE = "vagrant"
"""In the catalogue, for a box that Vagrant's own key opens."""

SECTOR = 512
ALIGNMENT = 1 << 20
"""Bytes; partitions begin at multiples of it, and GRUB's core lies before the first."""
TAR_PARTITION = 0x7F
LINUX_PARTITION = 0x83
"""Partition types; 0x7f is for what has no type of its own."""

GRUB = Path("/usr/lib/grub/i386-pc")
GRUB_MODULES = ("biosdisk", "part_msdos", "tar", "linux")
GRUB_CONFIGURATION = """\
set root=(hd0,msdos1)
linux /vmlinuz root=/dev/vda2 rw console=ttyS0 panic=-1 boxwright.net=dhcp {arguments}
initrd /initrd
boot
"""

INSECURE_PUBLIC_KEY = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v"
    "1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4"
    "O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk"
    "1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure pu"
    "blic key\n"
)
"""Known to everybody: boxes carry it, and Vagrant replaces it at the first `up` (its documentation,
"Creating a Base Box")."""

VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  config.ssh.username = "root"
  config.ssh.sudo_command = "%c"
  config.vm.provider :libvirt do |libvirt|
    libvirt.disk_bus = "virtio"
  end
end
"""
"""What a machine made from the box must know, whatever the user's own Vagrantfile says."""


@dataclass(frozen=True)
class Box:
    """A finished box."""

    name: str
    """As a Vagrantfile says it, such as `boxwright/trixie`."""
    version: str
    file: Path
    catalogue: Path
    """What `config.vm.box_url` names."""
    image: str
    """Name of the base image it was made from."""
    alpine_sha256: str
    portable: bool
    """Whether other labs can log in, too."""

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        return self.file.stat().st_size


def folder() -> Path:
    """Where boxes lie; the Vagrantfile looks there, too."""
    path = paths.cache() / "boxes"
    path.mkdir(exist_ok=True, mode=0o700)
    return path


def find(golden: GoldenImage, *, portable: bool = False) -> Box | None:
    """The box of this very image, if it is in the catalogue and whole."""
    catalogue = folder() / CATALOGUE
    try:
        record = json.loads(catalogue.read_text())
        (version,) = record["versions"]
        ours = record["boxwright"]
        box = Box(
            record["name"],
            version["version"],
            folder() / ours["file"],
            catalogue,
            ours["image"],
            ours["alpine_sha256"],
            ours["login"] == PORTABLE,
        )
        wanted = (golden.folder.name, _builder(), _login(portable=portable))
        if (ours["golden"], ours["builder"], ours["login"]) == wanted and box.file.is_file():
            return box
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or of another version of this kit
    return None


def make(golden: GoldenImage, progress: Progress, *, portable: bool = False, force: bool = False) -> Box:
    """The box of an image, made where it is missing.

    Args:
        golden: the image; no machine writes to it.
        progress: told what is done.
        portable: for other hosts, too.
        force: make it again, as a newer version.

    Raises:
        LabError: a tool is missing or failed, or the disk is full; an older box stays as it was.
    """
    if golden.base.architecture != "amd64":
        raise LabError(
            f"A box of an image for {golden.base.architecture} cannot be made yet: it would need another boot loader",
            "`vagrant up` takes a public box there.",
        )
    with store.locked("box", lambda: progress.step("Waiting for another `lab box`")):
        found = None if force else find(golden, portable=portable)
        if found is not None:
            return found
        for tool in ("qemu-img", "e2image", "debugfs", "grub-mkimage"):
            tools.find(tool)
        if not (GRUB / "boot.img").is_file():
            raise LabError("GRUB for a PC's BIOS is not installed on this host", "Install grub-pc-bin.")
        work = Path(tempfile.mkdtemp(prefix="new.", dir=folder()))
        try:
            return _publish(golden, work, progress, portable=portable)
        except OSError as error:
            raise LabError(f"The box could not be written: {error}", tools.mending(error)) from error
        finally:
            shutil.rmtree(work)


def _publish(golden: GoldenImage, work: Path, progress: Progress, *, portable: bool) -> Box:
    suite, version = golden.suite, _version()
    login = INSECURE_PUBLIC_KEY if portable else lab_keys().login_public.read_text()
    _make_disk(golden, work, progress, login)
    progress.step("Packing the box")
    new = work / f"boxwright-{suite}-{version}.box"
    _pack(work / "box.img", new)
    record = json.loads((golden.folder / RECORD).read_text())
    box = Box(
        f"boxwright/{suite}",
        version,
        folder() / new.name,
        folder() / CATALOGUE,
        golden.base.name,
        record["alpine_sha256"],
        portable,
    )
    catalogue = work / CATALOGUE
    catalogue.write_text(json.dumps(_catalogue(box, golden, new), indent=1) + "\n")
    new.replace(box.file)
    catalogue.replace(box.catalogue)
    for old in folder().glob("boxwright-*.box"):
        if old != box.file:
            old.unlink()
    return box


def _version() -> str:
    """The present time, in numbers as Vagrant compares them.

    Never the same for two boxes: Vagrant and libvirt keep what they have of a version.
    """
    now = time.gmtime()
    return f"{time.strftime('%Y%m%d', now)}.{int(time.strftime('%H%M%S', now))}"


def _login(*, portable: bool) -> str:
    """Whose key opens the box: Vagrant's, or that of this lab, told by its digest."""
    if portable:
        return PORTABLE
    return hashlib.sha256(lab_keys().login_public.read_bytes()).hexdigest()[:16]


def _builder() -> str:
    """Changes with this file, so that a box made by another one is made again."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def _catalogue(box: Box, golden: GoldenImage, file: Path) -> dict[str, object]:
    """A catalogue as Vagrant reads it ("Box File Format"), and a part of our own that it ignores."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    provider = {"name": PROVIDER, "url": box.file.as_uri(), "checksum_type": "sha256", "checksum": digest}
    return {
        "name": box.name,
        "description": f"Boxwright's lab VM, Debian {golden.suite}, of image {box.image}",
        "versions": [{"version": box.version, "providers": [provider]}],
        "boxwright": {
            "file": box.file.name,
            "image": box.image,
            "golden": golden.folder.name,
            "builder": _builder(),
            "alpine_sha256": box.alpine_sha256,
            "login": _login(portable=box.portable),
        },
    }


def _pack(disk: Path, box: Path) -> None:
    with disk.open("rb") as file:
        # The virtual size is the header's third field from offset 24 on, big-endian (QEMU: docs/interop/qcow2.rst).
        file.seek(24)
        (size,) = struct.unpack(">Q", file.read(8))
    metadata = {"provider": PROVIDER, "format": "qcow2", "virtual_size": -(-size // (1 << 30))}
    with tarfile.open(box, "w") as archive:
        _add(archive, "metadata.json", json.dumps(metadata).encode())
        _add(archive, "Vagrantfile", VAGRANTFILE.encode())
        archive.add(disk, "box.img")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    archive.addfile(entry, io.BytesIO(content))


# --- the disk ---


def _make_disk(golden: GoldenImage, work: Path, progress: Progress, login: str) -> None:
    """Write `box.img`: MBR, GRUB, the partition GRUB reads, the guest's partition."""
    log = work / "box.log"

    def run(what: str, *arguments: str) -> None:
        if tools.run(arguments, log) != 0:
            raise LabError(f"{what}: {arguments[0]} failed", "Try again.", detail=tools.tail(log))

    progress.step("Copying the image's file system")
    system, disk = work / "system.raw", work / "disk.raw"
    run("The image cannot be read", "qemu-img", "convert", "-O", "raw", str(golden.boot.disk), str(system))
    _put_login_key(system, work, login)
    boot = _boot_archive(golden)
    start = ALIGNMENT + _aligned(len(boot))
    # Only what is in use (e2image(8), -a): what was deleted does not come along.
    run("The file system cannot be copied", "e2image", "-ra", "-O", str(start), str(system), str(disk))
    size = system.stat().st_size
    system.unlink()
    configuration = work / "grub.cfg"
    configuration.write_text(GRUB_CONFIGURATION.format(arguments=golden.boot.kernel_arguments))
    core = work / "core.img"
    run(
        "The boot loader cannot be made",
        *("grub-mkimage", "--format=i386-pc", "--prefix=", f"--directory={GRUB}"),
        *(f"--config={configuration}", f"--output={core}", *GRUB_MODULES),
    )
    partitions = ((TAR_PARTITION, ALIGNMENT, start - ALIGNMENT), (LINUX_PARTITION, start, size))
    with disk.open("r+b") as file:
        file.write(boot_sector((GRUB / "boot.img").read_bytes(), partitions))
        # GRUB's first sector looks for the rest in the sectors behind it.
        file.write(_fitting(core.read_bytes()))
        file.seek(ALIGNMENT)
        file.write(boot)
        file.truncate(start + size)
    progress.step("Compressing the box's disk")
    compress = ("-c", "-o", "compression_type=zstd", "-W", "-m", "4")
    run(
        "The disk cannot be compressed",
        "qemu-img",
        "convert",
        *compress,
        "-O",
        "qcow2",
        str(disk),
        str(work / "box.img"),
    )
    disk.unlink()


def boot_sector(grub: bytes, partitions: tuple[tuple[int, int, int], ...]) -> bytes:
    """GRUB's first sector with a partition table.

    A table's entry is 16 bytes from offset 446 on: status, three bytes of an address that is
    of no use any more, type, three such bytes, first sector and number of sectors
    (little-endian); 55 AA ends the sector.

    Args:
        grub: `boot.img`.
        partitions: type, start and length in bytes of each, at most four.
    """
    table = bytearray(64)
    for number, (kind, start, length) in enumerate(partitions):
        struct.pack_into(
            "<B3sB3sII", table, number * 16,
            0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // SECTOR, length // SECTOR,
        )  # fmt: skip
    return grub[:446] + bytes(table) + b"\x55\xaa"


def _fitting(core: bytes) -> bytes:
    if len(core) > ALIGNMENT - SECTOR:
        raise LabError(f"GRUB's core is {len(core)} bytes, too large for its place", "Install Debian's GRUB.")
    return core


def _boot_archive(golden: GoldenImage) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "vmlinuz", golden.boot.kernel.read_bytes())
        _add(archive, "initrd", golden.boot.initrd.read_bytes())
    return buffer.getvalue()


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


def _put_login_key(system: Path, work: Path, login: str) -> None:
    """Let a public key log root in, written into the file system without mounting it."""
    key = work / "authorized_keys"
    key.write_text(login)
    name = "/root/.ssh/authorized_keys"
    commands = work / "debugfs"
    owned = "".join(
        f"sif {name} {field} {value}\n" for field, value in (("mode", "0100600"), ("uid", 0), ("gid", 0))
    )
    # Names in the folder that it works in: it splits each line at blanks, which the path of the cache may have.
    commands.write_text(
        f"mkdir /root/.ssh\nsif /root/.ssh mode 040700\nrm {name}\nwrite {key.name} {name}\n{owned}"
    )
    tools.output(["debugfs", "-w", "-f", commands.name, str(system.absolute())], folder=work)
    # It ends with 0 whatever happens, so look.
    if login not in tools.output(["debugfs", "-R", f"cat {name}", str(system)]):
        raise LabError("The login key could not be put into the box", "Check the disk's free space.")
