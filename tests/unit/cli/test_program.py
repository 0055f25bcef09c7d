"""How both commands end where something outside of them goes wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from rich.console import Console

from lab import console, program


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and the signals of whoever runs the tests left alone."""
    monkeypatch.setattr(console, "err", Console(stderr=True, width=1000, highlight=False))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/file"),
            "No space left on device at /a/file. Make room.",
        ),
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
    ],
)
def test_an_error_of_this_host_is_one_sentence(
    error: OSError, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in _said(error, capsys)


def test_of_a_full_disk_it_is_said_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A write that fails names no file."""
    monkeypatch.setattr("sys.argv", ["grade", "report", f"--output={tmp_path}/new/report", "\0", "x" * 300])
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        found = list(real(path))
        found[4] = (3 << 20) // found[1] if path == tmp_path else 1 << 30  # f_bavail, in blocks of f_frsize
        return os.statvfs_result(found)

    monkeypatch.setattr("os.statvfs", statvfs)
    said = _said(OSError(errno.ENOSPC, "No space left on device"), capsys)
    assert said == f"error: No space left on device; the least is left at {tmp_path}, 3 MiB. Make room."


def test_that_nothing_can_be_looked_at_is_no_second_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def statvfs(path: Path) -> os.statvfs_result:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.statvfs", statvfs)
    assert _said(OSError(errno.ENOSPC, "No space"), capsys) == "error: No space. Make room."


def _said(error: OSError, capsys: pytest.CaptureFixture[str]) -> str:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        program.run(fail, when_full="Make room.")
    assert ended.value.code == 1
    return capsys.readouterr().err.replace("\n", " ").strip()
