"""How a demo goes on, or ends, when something in the middle of it does not work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from lab.demo import run as run_module
from lab.demo.facts import Unreadable
from lab.demo.model import Condition, Verdict
from lab.demo.run import ACTS, Act, Interrupted, run_demo, select
from lab.demo.stage import Stage
from lab.demo.terminal import MOST_LINES, Terminal, summary
from lab.errors import CommandFailed, CommandTimeout, LabError, MachineError
from lab.machine.protocol import CommandResult, MachineEvent

TRACES = {"processes": [], "mounts": [], "sockets": [], "cgroups": [], "module": False, "device": False}


@dataclass
class FakeMachine:
    """Answers as told; the first words of a command that match count."""

    answers: dict[str, str | Exception] = field(default_factory=dict)
    name: str = "fake"
    kind: Literal["ssh"] = "ssh"
    asked: list[str] = field(default_factory=list)

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
    ) -> CommandResult:
        self.asked.append(command)
        for words, answer in self.answers.items():
            if words in command:
                if isinstance(answer, Exception):
                    raise answer
                return CommandResult(command, 0, answer.encode(), b"", 0.1)
        known = {"traces.py": json.dumps(TRACES), "os-release": "Debian\n6.12\n2"}
        text = next((answer for words, answer in known.items() if words in command), "")
        return CommandResult(command, 0, text.encode(), b"", 0.1)

    def put(self, source: Path, destination: str) -> None: ...

    def write(self, destination: str, content: bytes, *, mode: int = 0o644) -> None: ...

    def read(self, path: str) -> bytes:
        return b""

    def kernel_log(self) -> list[str]:
        return ["the last words of the kernel"]

    def snapshot(self, name: str) -> None: ...

    def restore(self, name: str) -> None: ...

    def snapshots(self) -> list[str]:
        return []

    def reset(self) -> None: ...

    def events(self) -> list[MachineEvent]:
        return []

    def deadline(self, seconds: float) -> float:
        return 0.3

    def close(self) -> None: ...


GOOD = Verdict((Condition("it is so", True),), "It is so.")


def good(stage: Stage) -> Verdict:
    stage.show("echo evidence")
    return GOOD


def play(monkeypatch: pytest.MonkeyPatch, *performances: Callable[[Stage], Verdict]) -> None:
    acts = tuple(Act(number, f"Act {number}", "Shows.", each) for number, each in enumerate(performances, 1))
    monkeypatch.setattr(run_module, "ACTS", acts)


class Recorder:
    """An audience that remembers."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def preparing(self, what: str) -> None:
        self.heard.append("preparing")

    def begins(self, number: int, title: str, sentence: str) -> None:
        self.heard.append(f"begins {number}")

    def runs(self, command: str) -> None:
        self.heard.append(f"runs {command}")

    def saw(self, evidence: object) -> None:
        self.heard.append("saw")

    def ends(self, demonstration: object) -> None:
        self.heard.append("ends")


def test_the_eight_are_those_of_the_contract() -> None:
    assert [act.number for act in ACTS] == list(range(1, 9))


def test_all_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, good, good)
    audience = Recorder()
    report = run_demo(FakeMachine({"echo evidence": "evidence"}), audience)
    assert report.holds
    assert [each.evidence[0].output for each in report.demonstrations] == ["evidence", "evidence"]
    acts = [[f"begins {number}", "runs echo evidence", "saw", "ends"] for number in (1, 2)]
    assert audience.heard == ["preparing", *acts[0], *acts[1]]
    assert (report.surroundings.system, report.surroundings.processors) == ("Debian", 2)


def test_only_some(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, good, good, good)
    report = run_demo(FakeMachine(), Recorder(), only=[2])
    assert [each.number for each in report.demonstrations] == [2]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Unreadable("the output makes no sense"), "makes no sense"),
        (CommandFailed("engine ps ended with status 1", detail="first\nlast line"), "last line"),
        (CommandTimeout("`engine ps` did not end in 30 s"), "did not end"),
    ],
)
def test_one_that_breaks_fails_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception, words: str
) -> None:
    def broken(stage: Stage) -> Verdict:
        stage.show("echo before")
        raise trouble

    play(monkeypatch, broken, good)
    report = run_demo(FakeMachine(), Recorder())
    first, second = report.demonstrations
    assert not first.holds and second.holds and not report.holds
    assert words in first.why
    assert [each.command for each in first.evidence] == ["echo before"]


@pytest.mark.parametrize(
    "trouble",
    [MachineError("The guest panicked", "Reset it", detail="serial log"), CommandTimeout("it hangs")],
)
def test_a_lost_machine_ends_it_with_a_sentence(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def lost(stage: Stage) -> Verdict:
        raise trouble

    play(monkeypatch, good, lost, good)
    machine = FakeMachine({"true": MachineError("it does not answer")})
    with pytest.raises(
        Interrupted, match=r"Demonstration 2 \(act 2\) broke off: (The guest panicked|it hangs)"
    ) as caught:
        run_demo(machine, Recorder(), clear=True)
    assert caught.value.detail in ("serial log", "the last words of the kernel")
    assert not any("rm -rf" in command for command in machine.asked), "a lost machine was waited for"


def test_it_clears_the_stage_when_told_also_after_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(stage: Stage) -> Verdict:
        raise KeyboardInterrupt

    for clear in (True, False):
        play(monkeypatch, interrupted)
        machine = FakeMachine()
        with pytest.raises(KeyboardInterrupt):
            run_demo(machine, Recorder(), clear=clear)
        assert any("rm -rf /srv/boxwright/demo" in command for command in machine.asked) is clear


def test_a_supervisor_that_dies_ends_it_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def needs_supervisor(stage: Stage) -> Verdict:
        stage.supervisor()
        return GOOD

    class Dead(FakeMachine):
        def run(
            self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
        ) -> CommandResult:
            if command == "engine ps":
                return CommandResult(command, 125, b"", b"", 0.1)
            return super().run(command, timeout=timeout, check=check, stdin=stdin)

    play(monkeypatch, needs_supervisor, good)
    machine = Dead({"cat /run/boxwright-demo/supervisor.out": "bad\nsupervisor exit status: 1"})
    with pytest.raises(LabError, match="supervisor does not answer") as caught:
        run_demo(machine, Recorder())
    assert "bad" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "numbers"), [(None, list(range(1, 9))), ("5,6", [5, 6]), ("1-3,8", [1, 2, 3, 8]), (" 7 ", [7])]
)
def test_selection(text: str | None, numbers: list[int]) -> None:
    assert select(text) == numbers


@pytest.mark.parametrize("text", ["", "x", "0", "9", "3-1", "1,,2", "1-", "-1", "1-99999999999", "²"])
def test_no_selection(text: str) -> None:
    with pytest.raises(LabError, match="1 to 8"):
        select(text)


def test_the_terminal_tells_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(stage: Stage) -> Verdict:
        stage.show("seq 100")
        return Verdict((Condition("[bold]it[/] holds", False),))

    play(monkeypatch, good, bad)
    written = StringIO()
    console = Console(file=written, width=100)
    report = run_demo(
        FakeMachine({"seq": "\n".join(map(str, range(100))), "echo evidence": "[red]evidence[/]"}),
        Terminal(console, None),
    )
    summary(console, report, "somewhere/index.html")
    text = written.getvalue()
    assert "[red]evidence[/]" in text
    assert "holds  It is so." in text
    assert "does not hold  Not so: [bold]it[/] holds." in text
    assert "more lines, in the page" in text and "\n     50 " not in text and " 99" in text
    assert text.count("\n     ") < 4 * MOST_LINES
    assert "1 of 2 demonstrations hold" in text
    assert "somewhere/index.html" in text
    assert "\x1b" not in text
