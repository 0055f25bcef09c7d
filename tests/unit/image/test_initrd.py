"""Which drivers the initrd loads, and in which order."""

from __future__ import annotations

import gzip
import lzma

import pytest

from lab.errors import LabError
from lab.image import initrd
from lab.image.initrd import build, decompressed, load_order

DEP = """kernel/net/core/failover.ko.xz:
kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
kernel/drivers/block/virtio_blk.ko.xz:
kernel/drivers/misc/pvpanic/pvpanic-pci.ko.xz: kernel/drivers/misc/pvpanic/pvpanic.ko.xz
kernel/drivers/misc/pvpanic/pvpanic.ko.xz:
kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
"""


def modules(dep: str = DEP, builtin: str = "kernel/drivers/virtio/virtio_pci.ko\n") -> dict[str, bytes]:
    return {
        "modules.dep": dep.encode(),
        "modules.builtin": builtin.encode(),
        "modules.softdep": b"# a remark\nsoftdep ext4 pre: crc32c-generic post: other\nsoftdep x pre: y\n",
    }


def names(order: list[str]) -> list[str]:
    return [path.rpartition("/")[2].partition(".")[0] for path in order]


def test_each_module_comes_after_those_it_needs_and_built_in_ones_not_at_all() -> None:
    assert names(load_order(modules(), "6.1")) == [
        "virtio_blk",
        "failover",
        "net_failover",
        "virtio_net",
        "crc32c_generic",
        "jbd2",
        "ext4",
        "pvpanic",
        "pvpanic-pci",
    ]


def test_a_kernel_with_everything_built_in_needs_no_module() -> None:
    builtin = "".join(f"kernel/x/{name}.ko\n" for name in initrd.DRIVERS)
    assert load_order(modules(dep="", builtin=builtin), "6.1") == []


def test_a_kernel_that_cannot_read_our_disk_is_refused() -> None:
    dep = "".join(
        line for line in DEP.splitlines(keepends=True) if not line.startswith("kernel/drivers/block")
    )
    with pytest.raises(LabError, match=r"kernel 6\.1 has no driver virtio_blk"):
        load_order(modules(dep), "6.1")


def test_modules_are_unpacked_for_the_guest() -> None:
    assert decompressed("a.ko.xz", lzma.compress(b"module")) == b"module"
    assert decompressed("a.ko.gz", gzip.compress(b"module")) == b"module"
    assert decompressed("a.ko", b"module") == b"module"


def test_the_initrd_has_the_program_and_modules_in_order_and_is_the_same_each_time() -> None:
    files = modules()
    files |= {path: lzma.compress(path.encode()) for path in load_order(files, "6.1")}
    first = build(b"\x7fELF busybox", files, "6.1")
    assert first == build(b"\x7fELF busybox", dict(reversed(files.items())), "6.1")
    at = first.index(b"modules/order\0")
    assert first.index(b"virtio_blk.ko\nfailover.ko\nnet_failover.ko\nvirtio_net.ko\n", at)
    assert b"kernel/drivers/misc/pvpanic/pvpanic-pci.ko.xz" in first  # its content, here
    for applet in initrd.APPLETS:
        assert f"bin/{applet}\0".encode() in first


def test_init_calls_only_what_the_initrd_has() -> None:
    """Every command word of init.sh is a name under which busybox is there, or the shell's own."""
    own = {
        "umask",
        "exit",
        "read",
        "cd",
        "exec",
        "fail",
        "while",
        "until",
        "for",
        "case",
        "if",
        "echo",
        "do",
        "done",
    }
    words = set()
    for line in initrd.INIT.read_text().splitlines():
        code = line.split(" #")[0].strip()
        if code and not code.startswith("#"):
            words.add(code.split()[0].strip("!;"))
    programs = {word for word in words if word.isalpha() or word == "switch_root"} - own
    assert programs - {"then", "else", "fi", "esac", "in"} <= set(initrd.APPLETS), programs
