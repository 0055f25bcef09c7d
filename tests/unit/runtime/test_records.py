"""How an end is judged, and how it is shown."""

from __future__ import annotations

import json
import signal
from itertools import product

import pytest
from supervisor import text
from supervisor.commands import COMMANDS, tell
from supervisor.commands.ps import table
from supervisor.records import MIB, ExitStatus, Reason, Record, reason_for


@pytest.mark.parametrize(
    ("status", "stop", "hard", "reason"),
    [
        (ExitStatus(code=0), False, False, "exited"),
        (ExitStatus(code=137), False, False, "exited"),  # a program may say 137 itself
        (ExitStatus(code=137), False, True, "exited"),
        (ExitStatus(signal=signal.SIGSEGV), False, False, "exited"),
        (ExitStatus(signal=signal.SIGSEGV), False, True, "exited"),
        (ExitStatus(signal=signal.SIGKILL), False, False, "killed"),
        (ExitStatus(signal=signal.SIGKILL), False, True, "hard_limit_killed"),
        (ExitStatus(signal=signal.SIGKILL), True, True, "stopped"),
        (ExitStatus(signal=signal.SIGKILL), True, False, "stopped"),
        (ExitStatus(code=0), True, False, "stopped"),
        (ExitStatus(code=143), True, False, "stopped"),
    ],
)
def test_reasons(status: ExitStatus, stop: bool, hard: bool, reason: Reason) -> None:
    """The table of the contract, and the order in which its lines count."""
    assert reason_for(status, stop_requested=stop, hard_limit_hit=hard) == reason


def test_a_stop_is_always_a_stop() -> None:
    """Whatever else is true."""
    for status, hard in product(
        [ExitStatus(code=3), ExitStatus(signal=9), ExitStatus(signal=11)], [False, True]
    ):
        assert reason_for(status, stop_requested=True, hard_limit_hit=hard) == "stopped"


def record(**changes: object) -> Record:
    one = Record("box", "/srv/box", (b"sh", b"-c", b"exit 3"), 40 * MIB, 64 * MIB, 0, "", "/var/log/box.log")
    for name, value in changes.items():
        setattr(one, name, value)
    return one


@pytest.mark.parametrize(
    ("status", "stop", "by"),
    [
        (ExitStatus(code=0), True, "TERM"),
        (ExitStatus(signal=signal.SIGTERM), True, "TERM"),
        (ExitStatus(signal=signal.SIGKILL), True, "KILL"),
        (ExitStatus(signal=signal.SIGKILL), False, None),
    ],
)
def test_which_signal_stopped_it(status: ExitStatus, stop: bool, by: str | None) -> None:
    one = record(stop_requested=stop)
    assert one.stopped_by is None
    one.finish(status, 5.0)
    assert (one.state, one.stopped_by, one.ended) == ("exited", by, 5.0)


def test_status_as_a_shell_says_it() -> None:
    assert ExitStatus(code=7).as_shell() == 7
    assert ExitStatus(signal=9).as_shell() == 137


def test_the_table_has_one_word_a_column() -> None:
    """So that awk can read it, whatever state a container is in."""
    ended = record(pid=7, started=1.5)
    ended.finish(ExitStatus(signal=9), 2.0)
    odd = record(id="odd", started=1.5)
    odd.finish(ExitStatus(signal=40), 2.0)
    lines = table(
        [record(), record(state="running", pid=12, started=1.5, limits="monitor"), ended, odd]
    ).splitlines()
    head = lines[0].split()
    rows = [dict(zip(head, line.split(), strict=True)) for line in lines[1:]]
    assert [row["STATE"] for row in rows] == ["starting", "running", "exited", "exited"]
    assert rows[1]["STARTED"] == "1970-01-01T00:00:01Z"
    assert [row["EXIT"] for row in rows] == ["-", "-", "SIGKILL", "SIG40"]
    assert [row["REASON"] for row in rows] == ["-", "-", "killed", "exited"]
    assert all(row["SOFT"] == "40M" for row in rows)


def test_the_keys_of_the_json() -> None:
    """They are an interface: adding is free, renaming and taking away is not."""
    one = record(pid=7, started=1.5)
    one.finish(ExitStatus(code=3), 2.25)
    shown = json.loads(text.as_json([text.describe(one)]))[0]
    expected = {
        "id": "box",
        "pid": 7,
        "state": "exited",
        "started": "1970-01-01T00:00:01.500Z",
        "ended": "1970-01-01T00:00:02.250Z",
        "soft_limit_bytes": 40 * MIB,
        "hard_limit_bytes": 64 * MIB,
        "nice": 0,
        "cpuset": None,
        "exit_code": 3,
        "signal": None,
        "reason": "exited",
        "stopped_by": None,
        "log": "/var/log/box.log",
        "limits": "none",
        "command": "sh -c 'exit 3'",
    }
    assert {key: shown[key] for key in expected} == expected
    assert json.loads(text.as_json([])) == []


def test_help_for_every_command() -> None:
    """Asked for in either way; and the engine's own lists them all."""
    whole = tell([b"help"])
    assert whole == tell([b"--help"]) and whole is not None
    for name, command in COMMANDS.items():
        help = tell([name.encode(), b"--help"])
        assert help == tell([b"help", name.encode()]) and help is not None
        assert command.line in whole
        assert max(map(len, help.splitlines())) <= 100
