"""The archives for the kernel: read back here by the format's description, not by our writer."""

from __future__ import annotations

import stat

import pytest

from lab.machine.cpio import Archive, overlay_cpio


def read_back(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Name to mode and content, as the kernel's init/initramfs.c reads several archives in a row."""
    found = {}
    at = 0
    while at < len(content):
        if content[at] == 0:  # padding between archives
            at += 4
            continue
        assert content[at : at + 6] == b"070701"
        fields = [int(content[at + 6 + 8 * index : at + 14 + 8 * index], 16) for index in range(13)]
        _, mode, uid, gid, links, mtime, size, *_, name_size, check = fields
        assert (uid, gid, mtime, check) == (0, 0, 0, 0)
        assert links == (2 if stat.S_ISDIR(mode) else 1) or size == 0
        name = content[at + 110 : at + 110 + name_size - 1].decode()
        at += 110 + name_size + -(110 + name_size) % 4
        body = content[at : at + size]
        at += size + -size % 4
        if name != "TRAILER!!!":
            assert name not in found
            found[name] = (mode, body)
    return found


def test_files_folders_and_links_come_back() -> None:
    archive = Archive()
    archive.file("etc/ssh/key", b"secret", 0o600)
    archive.file("etc/odd", b"x" * 4097)
    archive.link("bin/sh", "busybox")
    found = read_back(bytes(archive))
    assert found["etc/ssh/key"] == (stat.S_IFREG | 0o600, b"secret")
    assert found["etc/odd"] == (stat.S_IFREG | 0o644, b"x" * 4097)
    assert found["bin/sh"] == (stat.S_IFLNK | 0o777, b"busybox")
    # The kernel makes no folder by itself: each comes before what is in it.
    assert list(found)[:3] == ["etc", "etc/ssh", "etc/ssh/key"]
    assert found["etc/ssh"] == (stat.S_IFDIR | 0o755, b"")


def test_the_same_files_give_the_same_bytes() -> None:
    files = {"root/.ssh/authorized_keys": (b"key\n", 0o600), "etc/x": (b"", 0o644)}
    turned = dict(reversed(files.items()))
    assert overlay_cpio(files) == overlay_cpio(turned)


def test_archives_can_be_appended_to_one_another() -> None:
    first, second = Archive(), Archive()
    first.file("init", b"#!/bin/sh\n", 0o755)
    second.file("boxwright/root/etc/x", b"1")
    assert len(bytes(first)) % 512 == 0
    assert set(read_back(bytes(first) + bytes(second))) == {
        "init",
        "boxwright",
        "boxwright/root",
        "boxwright/root/etc",
        "boxwright/root/etc/x",
    }


def test_the_labs_files_lie_where_init_looks_and_only_root_may_read_them() -> None:
    found = read_back(overlay_cpio({"root/.ssh/authorized_keys": (b"key\n", 0o600)}))
    assert found["boxwright/root"][0] == stat.S_IFDIR | 0o700
    assert found["boxwright/root/root/.ssh/authorized_keys"] == (stat.S_IFREG | 0o600, b"key\n")


@pytest.mark.parametrize("path", ["/etc/x", "", "twice"])
def test_a_path_that_cannot_be_in_an_archive(path: str) -> None:
    archive = Archive()
    archive.file("twice", b"")
    with pytest.raises(ValueError, match="not a new relative path"):
        archive.file(path, b"")
