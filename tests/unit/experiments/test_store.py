"""Files of experiments: whole repetitions, never overwritten, and nothing that is none is taken for one."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.errors import LabError
from lab.experiments import store
from lab.experiments.kinds import KINDS
from lab.experiments.model import Provenance

ROW: dict[str, Any] = {
    "seconds": 0.5, "resident_bytes": 5 << 20, "charged_bytes": None, "peak_bytes": None, "event": None, "reason": None
}  # fmt: skip
END = {**ROW, "seconds": 1.25, "resident_bytes": None, "event": "gone", "reason": "hard_limit_killed"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read(kind: str, made: Callable[..., Any]) -> None:
    words = {"memory": ["by=cgroup"], "cpu": ["nice=0,5,10"], "latency": ["sleeper=io"]}[kind]
    read = made(kind, *words)
    assert read.provenance.kind == kind
    assert read.provenance.kernel == "6.12.57+deb13-amd64"
    assert read.parameters[words[0].split("=")[0]] in ("cgroup", (0, 5, 10), "io")
    assert len(read.repetitions) == 5
    assert store.text(read.provenance, read.repetitions) == read.path.read_text()


def test_the_file_explains_itself_and_any_csv_reader_reads_it(made: Callable[..., Any]) -> None:
    lines = made("cpu").path.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    provenance = json.loads(comments[0].removeprefix("# boxwright-experiment "))
    assert {"kernel", "accelerator", "engine", "parameters", "date", "version"} <= provenance.keys()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert list(rows[0]) == [comment[2:].split(":")[0] for comment in comments[1:]]
    assert rows[-1]["repetition"] == "5" and float(rows[-1]["cpu_seconds"]) > 0


def test_no_file_is_overwritten(tmp_path: Path, provenance: Provenance) -> None:
    paths = []
    for _ in range(3):
        one = store.Store(tmp_path, provenance)
        one.add([ROW, END])
        assert one.path is not None
        paths.append(one.path)
    assert [path.name for path in paths] == [
        "memory-2026-11-24-194501.csv", "memory-2026-11-24-194501-2.csv", "memory-2026-11-24-194501-3.csv"
    ]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 3


def test_only_whole_repetitions_are_ever_in_it(
    tmp_path: Path, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.Store(tmp_path, provenance)
    one.add([ROW, END])
    assert one.path is not None
    before = one.path.read_bytes()

    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError):
        one.add([ROW, END])
    assert one.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [one.path]
    assert len(one.repetitions) == 1


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system without hard links, such as exFAT or a shared folder of VirtualBox.

    A mock of it, since mounting one takes root: link(2) says EPERM there.
    """

    def link(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("no_links")
def test_it_needs_no_hard_links(tmp_path: Path, provenance: Provenance) -> None:
    for number in (1, 2):
        one = store.Store(tmp_path, provenance)
        one.add([ROW, END])
        one.add([ROW, END])
        assert one.path is not None
        assert len(store.read(one.path).repetitions) == 2
        assert len(list(tmp_path.iterdir())) == number


@pytest.mark.usefixtures("no_links")
def test_a_name_that_could_not_be_used_is_given_back(
    tmp_path: Path, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.Store(tmp_path, provenance).add([ROW, END])
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, pathlib, pickle, signal, sys
from lab.experiments import store
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.Store(pathlib.Path(sys.argv[1]), pickle.loads(sys.stdin.buffer.read())).add([])
"""
"""A run that is killed between taking the name and filling the file."""


def test_what_a_killed_run_leaves_is_no_experiment_and_in_nobodys_way(
    tmp_path: Path, provenance: Provenance
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, input=pickle.dumps(provenance), cwd=paths.CHECKOUT, check=False)
    assert done.returncode == -signal.SIGKILL
    [left] = tmp_path.glob("*.csv")
    with pytest.raises(LabError, match="is no experiment"):
        store.read(left)
    one = store.Store(tmp_path, provenance)
    one.add([ROW, END])
    assert one.path is not None and one.path != left
    assert len(store.read(one.path).repetitions) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "does not begin"),
        (lambda text: "a,b\n1,2\n", "does not begin"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "version 2"),
        (lambda text: text.replace('"memory"', '"disk"'), "KeyError"),
        (lambda text: text.replace('"hard_mib": 48', '"hard_mib": 1e9'), "cannot be right: hard_mib"),
        (lambda text: text.replace('"hard_mib": 48', '"hard_mib": 4'), "soft_mib=24 is above"),
        (lambda text: text.replace('"hard_mib": 48', '"hard": 48'), "KeyError"),
        (lambda text: text.replace("{", "[", 1), "first line cannot be read"),
        (lambda text: text.replace('"processors": 2', '"processors": Infinity'), "first line cannot be read"),
        (lambda text: text.replace("reference 3f2a", "\\ud800 3f2a"), "engine is"),
        (lambda text: text.replace("24T19", "24\\u000019"), "date is"),
        (lambda text: "# boxwright-experiment " + "[" * 100_000, "first line cannot be read"),
        (lambda text: text.replace("repetition,", "run,"), "its columns are not"),
        (lambda text: text.replace("1,0.5,", "1,,"), "line 10 cannot be read"),
        (lambda text: text.replace("1,0.5,", "1,nan,"), "line 10 cannot be read"),
        (lambda text: text.replace("1,0.5,", "1,-0.5,"), "seconds is -0.5"),
        (lambda text: text.replace(",5242880,", "," + "9" * 30 + ","), "resident_bytes is 999"),
        (lambda text: text.replace("1,0.5,5242880,,,,", "1,0.5"), "line 10 cannot be read"),
        (lambda text: text.replace("1,0.5,", "2,0.5,"), "repetition 2 after 0"),
        (lambda text: text[: text.index("1,0.5")], "no repetition"),
    ],
)
def test_what_is_no_experiment_is_said_so(
    change: Callable[[str], str], says: str, tmp_path: Path, provenance: Provenance
) -> None:
    path = tmp_path / "x.csv"
    changed = change(store.text(provenance, [[ROW, END]]))
    path.write_text(changed)
    with pytest.raises(LabError) as caught:
        store.read(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_containers_are_looked_at_together(made: Callable[..., Any]) -> None:
    path = made("cpu", repetitions=2).path
    path.write_text(path.read_text().rpartition("\n2,")[0] + "\n")
    with pytest.raises(LabError, match=r"repetition 2 has 31 rows, and 2 belong together"):
        store.read(path)


def test_time_is_not_below_zero_and_a_nice_value_may_be(made: Callable[..., Any]) -> None:
    path = made("cpu").path
    text = path.read_text()
    assert ",-5," in text
    path.write_text("".join(f"{line.rpartition(',')[0]},-1\n" if line.startswith("1,15") else line
                            for line in text.splitlines(keepends=True)))  # fmt: skip
    with pytest.raises(LabError, match="cpu_seconds is -1"):
        store.read(path)


def test_a_byte_order_mark_is_none_of_the_text(made: Callable[..., Any]) -> None:
    one = made("latency")
    one.path.write_text(f"\ufeff{one.path.read_text()}")
    assert store.read(one.path) == one


def test_what_is_no_text_or_no_file(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path, says in (
        (tmp_path / "p.png", "no text"),
        (tmp_path, "is a folder"),
        (tmp_path / "no", "no file"),
    ):
        with pytest.raises(LabError, match=says):
            store.read(path)
