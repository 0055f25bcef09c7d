"""A run: repetitions kept one by one, and what an interruption or a failure leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import cli_experiment
from lab.console import NoProgress
from lab.demo.facts import Unreadable
from lab.errors import LabError, MachineError
from lab.experiments import bench, run, settings, store
from lab.experiments.kinds import KINDS
from lab.machine.protocol import CommandResult

ROWS = [
    {"seconds": float(at), "container": which, "nice": 0, "cpu_seconds": at / 2} for at in (0, 1) for which in (1, 2)
]  # fmt: skip


def answers(*texts: str) -> Any:
    """A machine that answers so, whatever is asked."""
    left = list(texts)
    return SimpleNamespace(
        name="m", run=lambda command, **_: CommandResult(command, 0, left.pop(0).encode(), b"", 0.0)
    )


class Place:
    """A bench without a machine, which notes what is done with it."""

    def __init__(self) -> None:
        self.machine = answers("6.12.1\n2")
        self.done: list[str] = []
        self.is_clear = False

    def set_up(self, **asked: Any) -> None:
        self.done.append(f"set up {asked}")

    def engine(self) -> str:
        return "0123456789ab"

    def clear(self) -> None:
        self.done.append("clear")
        self.is_clear = True


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place()

    @contextlib.contextmanager
    def with_bench(_: Any) -> Iterator[Place]:
        try:
            yield made
        finally:
            made.clear()

    monkeypatch.setattr(run, "bench", with_bench)
    monkeypatch.setattr(run, "check", lambda machine, monitored: None)
    return made


def go(repeat: Callable[..., Any], folder: Path, repetitions: int = 3) -> Any:
    kind = replace(KINDS["cpu"], repeat=repeat)
    values = settings.chosen(kind.settings, ["nice=0,0"])
    heard: list[str] = []
    done = run.run(
        answers(),
        "tcg",
        kind,
        values,
        repetitions,
        folder,
        NoProgress(),
        lambda n, told: heard.append(f"{n} {told}"),
    )
    assert [each[:7] for each in heard] == [f"{n} nice " for n in range(1, repetitions + 1)]
    return done


def test_all_repetitions_are_in_the_file(place: Place, tmp_path: Path) -> None:
    done = go(lambda *_: ROWS, tmp_path / "new")
    read = store.read(done.path)
    assert (len(read.repetitions), read.provenance.repetitions) == (3, 3)
    assert read.provenance.engine == "other 0123456789ab"
    assert (read.provenance.kernel, read.provenance.processors) == ("6.12.1", 2)
    assert place.done == ["set up {'monitored': False, 'scan_interval_ms': None, 'roots': 2}", "clear"]


def test_an_interruption_leaves_whole_repetitions(place: Place, tmp_path: Path) -> None:
    def repeat(_: Any, __: Any, repetition: int) -> Any:
        if repetition == 3:
            raise KeyboardInterrupt
        return ROWS

    with pytest.raises(run.Interrupted) as caught:
        go(repeat, tmp_path)
    [path] = tmp_path.iterdir()
    assert (caught.value.machine, caught.value.is_clear) == ("m", True)
    assert caught.value.kept == f"2 whole repetitions are in {path}"
    read = store.read(path)
    assert (len(read.repetitions), read.provenance.repetitions) == (2, 3)
    assert place.done[-1] == "clear"


class Interruptible:
    """A machine in which all goes well until it is to be cleared.

    A mock of it, since the moment of the second Ctrl-C cannot be met in a real one.

    Args:
        clearing: what comes of clearing it.
    """

    name = "m"

    def __init__(self, clearing: Callable[[], None]) -> None:
        self.clearing = clearing

    def run(self, command: str, **_: Any) -> CommandResult:
        if command == bench._CLEAR:
            self.clearing()
        said = ""
        if "nproc" in command:
            said = "6.12.1\n2"
        elif "guest.engine" in command:
            said = "0123456789ab"
        elif "traces" in command:
            said = "{}"
        elif "pgrep -n" in command or "pgrep -P" in command:
            said = "7"
        return CommandResult(command, 0, said.encode(), b"", 0.0)

    def write(self, path: str, content: bytes) -> None:
        """Taken, and forgotten."""

    def deadline(self, seconds: float) -> float:
        return seconds

    def kernel_log(self) -> list[str]:
        return []


def second() -> None:
    raise KeyboardInterrupt


def lost() -> None:
    raise MachineError("The machine is lost")


@pytest.mark.parametrize("first", ["setting up", "repetition"])
@pytest.mark.parametrize(
    ("clearing", "says"),
    [
        (lambda: None, "Interrupted; the machine is cleared. {kept}"),
        (second, "Interrupted, and machine 'm' could not be cleared. Clear it: `lab reset m`, or `lab down m` and {}"),
        (lost, "Interrupted, and machine 'm' could not be cleared. Clear it: `lab reset m`, or `lab down m` and {}"),
    ],
)  # fmt: skip
def test_it_is_told_whether_the_machine_is_clear(
    first: str, clearing: Callable[[], None], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    def repeat(_: Any, __: Any, repetition: int) -> Any:
        return ROWS if repetition == 1 else interrupted()

    monkeypatch.setattr(run, "check", lambda machine, monitored: None)
    if first == "setting up":
        monkeypatch.setattr(bench.Bench, "set_up", interrupted)
    kind = replace(KINDS["cpu"], repeat=repeat)
    values = settings.chosen(kind.settings, ["nice=0,0"])
    machine: Any = Interruptible(clearing)
    with pytest.raises(run.Interrupted) as caught:
        run.run(machine, "tcg", kind, values, 3, tmp_path, NoProgress(), lambda *_: None)
    kept = "1 whole repetition is in " if first == "repetition" else "No repetition was whole"
    said = cli_experiment._told(caught.value)
    assert said.exit_status == 130
    assert str(said).startswith(says.format("`lab up m`. " + kept, kept=kept))


@pytest.mark.parametrize("error", [Unreadable("it broke off"), LabError("it broke off", "Look.")])
def test_a_failure_says_where_the_earlier_ones_are(error: Exception, place: Place, tmp_path: Path) -> None:
    def repeat(_: Any, __: Any, repetition: int) -> Any:
        if repetition == 2:
            raise error
        return ROWS

    with pytest.raises(LabError, match=r"Repetition 2 failed.*it broke off.*1 whole repetition is in .*cpu-"):
        go(repeat, tmp_path)
    assert place.done[-1] == "clear"


def test_a_file_where_the_folder_should_be(place: Place, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(LabError, match="is a file, not a folder"):
        go(lambda *_: ROWS, tmp_path / "f")
    assert place.done == []


# --- the bench ---


@pytest.mark.parametrize(
    ("found", "monitored", "says"),
    [
        (
            "engine\n",
            False,
            "There is no engine in machine 'm'. Within your workspace the command brings yours",
        ),
        ("module", True, "There is no monitor.ko"),
        ("rootfs\nengine", False, "lab provision m"),
        ("supervisor", False, "A supervisor is running in machine 'm' already"),
        ("loaded", False, "The kernel monitor is loaded in machine 'm' already"),
    ],
)
def test_what_a_machine_lacks_is_said(found: str, monitored: bool, says: str) -> None:
    with pytest.raises(LabError) as caught:
        bench.check(answers(found), monitored=monitored)
    assert says in str(caught.value)


def test_a_machine_that_has_all() -> None:
    bench.check(answers(""), monitored=True)
    bench.check(answers("module"), monitored=False)


def test_one_cpu_is_not_two() -> None:
    place = bench.Bench(answers("1", "1"), SimpleNamespace())  # type: ignore[arg-type]
    assert place.cpus(1) == [0]
    with pytest.raises(LabError, match="has 1 CPU, and the experiment wants 2"):
        place.cpus(2)
