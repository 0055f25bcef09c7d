"""What is on the disk before a folder gets its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab import durable


def test_every_file_is_on_the_disk_before_the_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test can cut the power, so the real fsync(2) is only listened to."""
    new, target = tmp_path / "x.new", tmp_path / "x"
    new.mkdir()
    (new / "memory").write_bytes(b"m")
    (new / "state").write_bytes(b"s")
    (new / "state").chmod(0o400)
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def listen(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, target.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", listen)
    durable.publish(new, target)
    assert sorted(synced[:2]) == [("memory", False), ("state", False)]
    assert synced[2:] == [("x.new", False), (tmp_path.name, True)]
    assert (target / "state").read_bytes() == b"s"
