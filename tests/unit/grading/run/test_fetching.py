"""Work that is brought from a machine: whole, or not at all. The machine is a stand-in that sends a real archive."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grading.run import vms
from lab.errors import LabError


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name in ("engine.c", "monitor.c"):
            member = tarfile.TarInfo(name)
            member.size = 1000
            made.addfile(member, io.BytesIO(bytes(1000)))
    return buffer.getvalue()


class Stream(io.BytesIO):
    """What tar sends, and how it ended; -1 where nobody says."""

    def __init__(self, content: bytes, status: int) -> None:
        super().__init__(content)
        self.exit_status = status
        self.status_event = threading.Event()
        self.status_event.set()

    def recv(self, nbytes: int) -> bytes:
        return self.read(nbytes)

    def recv_stderr_ready(self) -> bool:
        return True

    def recv_stderr(self, nbytes: int) -> bytes:
        return b"tar: it failed"

    def settimeout(self, seconds: float) -> None:
        pass


def machine(stream: Stream) -> Any:
    return SimpleNamespace(
        run=lambda *words, **options: SimpleNamespace(ok=True),
        connection=SimpleNamespace(talk=lambda command: stream),
        deadline=lambda seconds: seconds,
    )


@pytest.mark.parametrize("status", [0, 1])
def test_all_of_it_comes(tmp_path: Path, status: int) -> None:
    """With 1, too: a file changed while it was read (tar(1), "RETURN VALUE")."""
    whole = archive()
    vms._fetch(machine(Stream(whole, status)), "/work", tmp_path / "x.tar")
    assert (tmp_path / "x.tar").read_bytes() == whole


@pytest.mark.parametrize(("share", "status"), [(0.1, -1), (0.5, -1), (1.0, -1), (0.5, 2), (0.0, 2)])
def test_a_part_of_it_is_no_submission(tmp_path: Path, share: float, status: int) -> None:
    """Where the connection was lost in the middle, between two files, or right at the end; or tar failed."""
    whole = archive()
    with pytest.raises(LabError, match="did not send all of /work"):
        vms._fetch(machine(Stream(whole[: int(len(whole) * share)], status)), "/work", tmp_path / "x.tar")
    assert not list(tmp_path.iterdir())


def test_what_is_packed_or_no_archive_is_not_even_looked_into(tmp_path: Path) -> None:
    """A name of 64 MiB, as its header claims, which is 64 KiB where it is packed."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    packed = gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(header.size))
    for whole in (packed, b"no archive", b"PK\x05\x06" + b"\1" * 18):
        tracemalloc.start()
        try:
            with pytest.raises(LabError, match="sent no archive"):
                vms._fetch(machine(Stream(whole, 0)), "/work", tmp_path / "x.tar")
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()
        assert not list(tmp_path.iterdir())
