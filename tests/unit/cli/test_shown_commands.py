"""A command that is shown can be typed as it stands, whatever the folders in it are called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from grading.run import catalogue
from lab import hosts, lifecycle
from lab.cli import app
from lab.console import NoProgress
from lab.doctor import resources, virtualization
from lab.errors import LabError
from lab.experiments import run as experiments
from lab.experiments import store
from lab.experiments.model import Experiment
from lab.machine import kinds
from lab.machine.keys import lab_keys

NAME = "My [lab]; it's new"
"""Of a folder: for a shell, several commands; for the console, a mark."""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder so called, in which the state lies, too; we are beside it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / NAME
    monkeypatch.setenv("BOXWRIGHT_STATE", str(folder / "state"))
    return folder


def lab(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_where_to_go_after_lab_init(odd: Path) -> None:
    said = lab("init", NAME)
    assert said.startswith(f"{NAME} is made: ")
    shown = said.rstrip().partition("yours to write. ")[2]
    assert shlex.split(shown) == ["cd", NAME, "&&", "lab", "guide", "00"]


def test_how_a_course_is_updated(odd: Path) -> None:
    said = lab("course", "new", NAME, "--exercises", "01", "--kit", "").splitlines()[0]
    assert shlex.split(said[said.index("lab course update") :]) == ["lab", "course", "update", NAME]


def test_where_exercises_of_ones_own_are_found(odd: Path) -> None:
    odd.mkdir()
    said = lab("exercise", "new", "11_own", "--title", "Own", "--in", NAME)
    line = next(line for line in said.splitlines() if line.startswith("export "))
    assert shlex.split(line.partition("   ")[0]) == ["export", f"BOXWRIGHT_EXERCISES={odd}"]


def test_how_an_experiment_is_plotted(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself is a mock, since it needs a machine."""
    made = Experiment(odd / "cpu.csv", SimpleNamespace(), [])  # type: ignore[arg-type]
    monkeypatch.setattr(kinds, "find", lambda *_: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(
        lifecycle, "statuses", lambda _: [SimpleNamespace(accelerator="tcg", kind="qemu")]
    )  # fmt: skip
    monkeypatch.setattr(experiments, "run", lambda *_: made)
    said = lab("experiment", "run", "cpu")
    assert shlex.split(said[said.index("lab experiment plot") :]) == [
        "lab", "experiment", "plot", str(odd / "cpu.csv"),
    ]  # fmt: skip


def test_how_the_files_of_a_folder_of_experiments_are_named(odd: Path) -> None:
    odd.mkdir()
    with pytest.raises(LabError) as caught:
        store.read(odd)
    named = re.fullmatch(r"Name the files in it: (.*)\.", caught.value.remedy)
    assert named and shlex.split(named[1]) == [f"{odd}/*.csv"]


@pytest.mark.parametrize("mode", [0o777, 0o755])
def test_how_a_folder_is_closed_to_others(odd: Path, mode: int) -> None:
    odd.mkdir()
    odd.chmod(mode)
    assert shlex.split(resources._folder("state-folder", odd).fix) == ["chmod", "700", str(odd)]


def test_how_a_key_is_closed_to_others(odd: Path) -> None:
    key = lab_keys().login
    key.chmod(0o644)
    with pytest.raises(LabError) as caught:
        hosts.usable_key(key)
    assert shlex.split(caught.value.remedy) == ["chmod", "600", str(key)]


def test_how_kvm_is_tried_again(odd: Path) -> None:
    """That the image's kernel does not run in KVM is a mock: on another host it does."""
    image: Any = SimpleNamespace(kernel=odd, initrd=odd)
    proof: Any = SimpleNamespace(accelerator="tcg", reason="it hangs")
    found = virtualization._tried(Path("/dev/kvm"), [image], lambda *_: proof, nothing_runs, NoProgress())
    [shown] = re.findall(r"`(rm .*)` lets it", found.fix)
    assert shlex.split(shown) == ["rm", f"{odd}/state/acceleration.json"]


def nothing_runs(*_: Any) -> Any:
    """Nobody asks for it."""
    raise AssertionError


def test_how_broken_checks_are_looked_at(odd: Path) -> None:
    odd.mkdir()
    (odd / "checks.py").write_text("(")
    with pytest.raises(LabError) as caught:
        catalogue._imported(odd / "checks.py")
    [shown] = re.findall(r"`(.*)` tells more", caught.value.remedy)
    assert shlex.split(shown) == ["pytest", f"{odd}/checks.py"]
