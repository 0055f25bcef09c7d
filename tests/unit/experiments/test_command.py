"""The commands: what they print, what they leave, and one sentence for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import console
from lab.cli import app
from lab.errors import LabError
from lab.exercises.catalogue import Track
from lab.workspace import state


def lab(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ["run", "plot", "compare", "Predict first"]),
        (("run",), ["memory", "cpu", "latency", "--reference"]),
        (("run", "memory"), ["scan_interval_ms=100", "by=monitor", "MiB", "monitor or cgroup"]),
        (("run", "cpu"), ["nice=-5,10", "sched_prio_to_weight", "2 to 8 numbers from -20 to 19"]),
        (("run", "latency"), ["hogs=1", "sched_waking", "sleeper=sleep"]),
        (("compare",), ["bootstrap", "one thing at a time"]),
    ],
)
def test_help_teaches(command: tuple[str, ...], words: list[str]) -> None:
    said = " ".join(lab(*command, "--help").stdout.split())
    assert [word for word in words if word not in said] == []


def test_no_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    error = lab("run", "cpu", "-m", "nobody", "-o", tmp_path / "e").exception
    assert isinstance(error, LabError)
    assert "There is no machine 'nobody'" in str(error)
    assert not (tmp_path / "e").exists()


def test_settings_are_looked_at_before_any_machine() -> None:
    error = lab("run", "memory", "-m", "nobody", "--set", "soft_mib=50").exception
    assert isinstance(error, LabError) and "above hard_mib" in str(error)


@pytest.mark.parametrize(
    ("track", "words", "told"),
    [
        ("c", ("--set", "by=cgroup"), True),
        ("c", ("--set", "by=cgroup", "--reference"), False),
        ("c", (), False),
        ("python", ("--set", "by=cgroup"), False),
    ],
)
def test_who_measures_an_engine_that_holds_no_limits_is_told(
    track: Track, words: tuple[str, ...], told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    (tmp_path / state.FILE).write_text(f'track = "{track}"\n')
    monkeypatch.chdir(tmp_path)
    assert ("holds no limits" in lab("run", "memory", "-m", "nobody", *words).stderr) is told


def test_plot_writes_beside_the_file_and_says_what_it_shows(made: Callable[..., Any]) -> None:
    path = made("cpu").path
    done = lab("plot", path)
    assert done.exit_code == 0, done.output
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "Measured shares of processor time" in done.output


def test_a_picture_takes_no_experiment_away(made: Callable[..., Any], tmp_path: Path) -> None:
    path = made("cpu").path
    before = path.read_bytes()
    for name in (path, tmp_path / "other.csv", tmp_path / "other"):
        error = lab("plot", path, "-o", name).exception
        assert isinstance(error, LabError) and "picture" in str(error)
    assert path.read_bytes() == before
    called_so = path.rename(tmp_path / "run.png")
    for command in (("plot", called_so), ("plot", called_so, "-o", tmp_path / "x/../run.png")):
        error = lab(*command).exception
        assert isinstance(error, LabError) and "take the experiment's place" in str(error)
    assert called_so.read_bytes() == before
    assert not (tmp_path / "other.csv").exists()


def test_compare_prints_a_table(
    made: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.out, "_width", 200)  # whatever it was when it was made
    a, b = made("memory").path, made("memory", "scan_interval_ms=500").path
    done = lab("compare", a, b, "-o", tmp_path / "c.svg")
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "A: scan_interval_ms=100" in words and "B: scan_interval_ms=500" in words
    assert "overshoot past the hard limit, MiB" in words and "differs" in words and "bootstrap" in words
    assert (tmp_path / "c.svg").is_file()


def test_compare_for_programs(made: Callable[..., Any], tmp_path: Path) -> None:
    a, b = made("latency").path, made("latency", "hogs=0").path
    done = lab("compare", a, b, "--json", "-o", tmp_path / "c.png")
    told = json.loads(done.stdout)
    assert [each["name"] for each in told["figures"]] == [
        "lateness, median",
        "lateness, p95",
        "lateness, p99",
    ]
    assert all(each["clear"] and each["high"] < 0 and each["ratio"] < 1 for each in told["figures"][:2])
    assert told["runs"][1]["parameters"]["hogs"] == 0
    assert told["picture"] == str(tmp_path / "c.png")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    for command in (("plot", tmp_path / "x.csv"), ("compare", tmp_path / "x.csv", tmp_path / "x.csv")):
        error = lab(*command).exception
        assert isinstance(error, LabError) and "is no experiment" in str(error)
