"""The command lines that docker's users bring with them: short options, filters, signals, environment."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor import commands
from supervisor.commands.events import EventsRequest, wanted
from supervisor.commands.exec import ExecRequest
from supervisor.commands.help import HelpRequest
from supervisor.commands.ps import PsRequest, holds
from supervisor.commands.rm import RemoveRequest
from supervisor.commands.several import IdsRequest
from supervisor.commands.stats import StatsRequest
from supervisor.commands.stop import KillRequest, StopRequest
from supervisor.errors import UsageError
from supervisor.events import Event
from supervisor.options import Grammar, Option, parse_signal, split
from supervisor.records import ExitStatus, Record


def parse(line: str) -> object:
    return commands.parse([word.encode() for word in line.split()])[1]


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("stop a", StopRequest(("a",), 3.0, signal.SIGTERM)),
        ("stop -t 7 a b a", StopRequest(("a", "b"), 7.0, signal.SIGTERM)),
        ("stop a -t7", StopRequest(("a",), 7.0, signal.SIGTERM)),
        ("stop --time=-1 a", StopRequest(("a",), None, signal.SIGTERM)),
        ("stop -t -1 -s INT -- a", StopRequest(("a",), None, signal.SIGINT)),
        ("kill a", KillRequest(("a",), signal.SIGKILL)),
        ("kill -sSIGUSR1 a b", KillRequest(("a", "b"), signal.SIGUSR1)),
        ("rm -f a", RemoveRequest(("a",), True)),
        ("wait a", IdsRequest(("a",))),
        ("ps -qa", PsRequest(quiet=True)),
        ("ps -aqf id=x", PsRequest(quiet=True, filters=(("id", frozenset({"x"})),))),
        ("stats", StatsRequest((), True, "table")),
        ("stats --no-stream --format json a", StatsRequest(("a",), False, "json")),
        ("exec -it a sh -h", None),
        (
            "exec -i a sh -i -e X=1 --help",
            ExecRequest("a", (b"sh", b"-i", b"-e", b"X=1", b"--help"), interactive=True),
        ),
        (
            "exec -e A=1 -e B= -e A=2 -w /x a -- ls",
            ExecRequest("a", (b"ls",), ("A=1", "B=", "A=2"), (), b"/x"),
        ),
        ("exec a ls --", ExecRequest("a", (b"ls", b"--"))),
        ("exec -h", HelpRequest("exec")),
        ("stop --help", HelpRequest("stop")),
    ],
)
def test_lines(line: str, request_: object) -> None:
    if request_ is None:
        with pytest.raises(UsageError, match="no terminals"):
            parse(line)
    else:
        assert parse(line) == request_


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stop", "needs the id"),
        ("stop -t a", "needs the id|whole number"),
        ("stop a -t", "--time needs a value"),
        ("stop -tx a", "--time is a whole number"),
        ("stop -x a", 'no option "-x"'),
        ("ps -qx", 'no option "-x"'),
        ("ps --quiet=1", "--quiet takes no value"),
        ("kill -s 65 a", "--signal"),
        ("kill -s FROB a", "--signal"),
        ("kill -s _DFL a", "--signal"),
        ("exec a", "a command"),
        ("exec", "id of a container"),
        ("exec -e =x a b", "NAME=VALUE"),
        ("rm ../x", "not a container id"),
        ("ps -f status=gone", "no status"),
        ("ps -f what=gone", "--filter takes"),
        ("events -f event=gone", "no event"),
        ("events --since never", "--since is a moment"),
        ("pause -f a", "no option"),
    ],
)
def test_refusals(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(line)


@given(st.sampled_from(list(signal.Signals)))
def test_every_signal_has_four_spellings(number: signal.Signals) -> None:
    short = number.name.removeprefix("SIG")
    for text in (number.name, short, short.lower(), str(int(number))):
        assert parse_signal("-s", text) == number
    assert parse_signal("-s", "RTMIN+3") == signal.SIGRTMIN + 3


def test_a_closed_grammar_gives_everything_after_the_command_to_it() -> None:
    grammar = Grammar((Option(("-q", "--quiet"), ""),), program_at=2, closed=True)
    line = split("x", grammar, ["-q", "a", "b", "--quiet", "--", "-q"])
    assert (line.operands, line.options) == (["a", "b", "--quiet", "--", "-q"], {"--quiet": [""]})


def test_filters_of_ps() -> None:
    """Of one key any value, of several keys all."""
    record = Record("web-1", "/r", (b"x",), 1, 2, 0, "", "")
    record.state, record.paused = "running", True
    for key, value, answer in (
        ("id", "web", True),
        ("name", "db", False),
        ("status", "running", True),
        ("status", "paused", True),
        ("status", "exited", False),
        ("exited", "0", False),
    ):
        assert holds(record, key, frozenset({value, "other"})) is answer, (key, value)
    record.finish(ExitStatus(signal=9), 1.0)
    assert holds(record, "exited", frozenset({"137"})) and holds(record, "reason", frozenset({"killed"}))
    assert not holds(record, "status", frozenset({"paused"}))


def test_filters_of_events() -> None:
    request = EventsRequest(10.0, 20.0, (("event", frozenset({"start", "exit"})), ("id", frozenset({"a"}))))
    for when, kind, identifier, answer in (
        (15, "start", "a", True),
        (9, "start", "a", False),
        (21, "start", "a", False),
        (15, "kill", "a", False),
        (15, "exit", "bab", True),
        (15, "exit", "b", False),
    ):
        assert wanted(Event(when, kind, identifier), request) is answer, (when, kind, identifier)
