"""Command lines: what the engine takes, what belongs to the command, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor import commands
from supervisor.commands.help import HelpRequest
from supervisor.commands.logs import LogsRequest
from supervisor.commands.ps import PsRequest
from supervisor.commands.stop import StopRequest
from supervisor.errors import EngineError, UsageError
from supervisor.options import check_id, parse_cpus, show
from supervisor.records import MIB
from supervisor.start_request import StartRequest


def parse(words: list[bytes]) -> object:
    return commands.parse(words)[1]


def start(*words: str | bytes) -> StartRequest:
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    request = parse([b"start", *encoded])
    assert isinstance(request, StartRequest)
    return request


def test_defaults() -> None:
    """40 and 64 MiB, nice 0, every CPU."""
    request = start("a", "/r", "true")
    assert (request.soft_limit, request.hard_limit) == (40 * MIB, 64 * MIB)
    assert (request.nice, request.cpuset, request.attached) == (0, "", False)
    run = parse([b"run", b"a", b"/r", b"true"])
    assert isinstance(run, StartRequest) and run.attached


@pytest.mark.parametrize(
    "words",
    [
        ["a", "/r", "prog", "x", "--soft-mib", "10", "--hard-mib", "30", "--nice", "-5"],
        ["--nice=-5", "--soft-mib=10", "a", "/r", "prog", "x", "--hard-mib", "30"],
        ["a", "--hard-mib", "30", "/r", "--nice", "-5", "prog", "--soft-mib", "10", "x"],
        ["--nice", "7", "a", "/r", "prog", "x", "--soft-mib", "10", "--hard-mib", "30", "--nice", "-5"],
    ],
)
def test_options_anywhere(words: list[str]) -> None:
    """In any order, before and after the command; the last one counts."""
    request = start(*words)
    assert request.command == (b"prog", b"x")
    assert (request.soft_limit, request.hard_limit, request.nice) == (10 * MIB, 30 * MIB, -5)


def test_what_belongs_to_the_command() -> None:
    """Options we do not know, behind the command; anything behind `--`."""
    assert start("a", "/r", "ls", "-l", "--color").command == (b"ls", b"-l", b"--color")
    assert start("a", "/r", "--", "grep", "--nice", "5").command == (b"grep", b"--nice", b"5")
    assert start("a", "/r", "sh", "-c", "x", "--", "--nice", "5").command[-3:] == (b"--", b"--nice", b"5")
    assert start("a", "/r", "cat", "-", "--help").command == (b"cat", b"-", b"--help")


@given(
    st.lists(
        st.binary(min_size=1, max_size=20).map(lambda data: data.replace(b"\0", b"x")), min_size=2, max_size=5
    )
)
def test_arguments_behind_the_dashes_are_never_touched(words: list[bytes]) -> None:
    """Any bytes at all."""
    request = parse([b"start", b"a", b"/r", b"--", *words])
    assert isinstance(request, StartRequest)
    assert list(request.command) == words


def test_one_word_is_split_as_by_a_shell() -> None:
    assert start("a", "/r", "echo 'hello  world' \"x y\" z").command == (
        b"echo",
        b"hello  world",
        b"x y",
        b"z",
    )
    assert start("a", "/r", b"printf \xff").command == (b"printf", b"\xff")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "/r"], "needs a command"),
        (["a"], "rootfs"),
        ([], "an id"),
        (["a", "", "x"], "empty"),
        (["a", "/r", ""], "empty"),
        (["a", "/r", "echo 'x"], "quotation"),
        (["--bogus", "a", "/r", "x"], "no option"),
        (["a", "/r", "x", "--nice"], "needs a value"),
        (["a", "/r", "x", "--nice", "20"], "-20 to 19"),
        (["a", "/r", "x", "--nice", "1e3"], "whole number"),
        (["a", "/r", "x", "--soft-mib", "0"], "--soft-mib"),
        (["a", "/r", "x", "--hard-mib", "9" * 30], "--hard-mib"),
        (["a", "/r", "x", "--soft-mib", "65"], "Give --hard-mib as well"),
        (["a", "/r", "x", "--hard-mib", "30"], "Give --soft-mib as well"),
        (["a", "/r", "x", "--cpuset", "1-0"], "--cpuset"),
    ],
)
def test_refusals_say_why(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        start(*words)


@pytest.mark.parametrize("name", ["a", "A9", "0", "a.b_c-d", "x" * 31])
def test_ids(name: str) -> None:
    assert check_id(name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 32, ".a", "-a", "_a", "../a", "a/b", "a b", "a\n", "é", "\u0661", "a\0"]
)
def test_what_is_no_id(name: str) -> None:
    with pytest.raises(UsageError):
        check_id(name)


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_any_command_line_is_a_request_or_a_sentence(words: list[bytes]) -> None:
    """Never another exception, and never a sentence that a terminal would obey."""
    try:
        request = parse(words)
    except EngineError as error:
        assert str(error).isprintable()
    else:
        assert isinstance(request, HelpRequest | StartRequest | PsRequest | LogsRequest | StopRequest)


def test_other_commands() -> None:
    assert parse([b"ps"]) == PsRequest("table")
    assert parse([b"ps", b"--format", b"json"]) == PsRequest("json")
    assert parse([b"logs", b"a"]) == LogsRequest("a")
    assert parse([b"stop", b"--", b"a"]) == StopRequest(("a",))
    assert parse([b"run", b"--help"]) == HelpRequest("run")
    assert parse([b"help", b"ps"]) == HelpRequest("ps")
    for words in (
        [b"ps", b"a"],
        [b"logs"],
        [b"stop"],
        [b"ps", b"--format", b"xml"],
        [b"supervisor"],
        [b"x"],
    ):
        with pytest.raises(UsageError):
            parse(words)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_lists_of_cpus(cpus: set[int]) -> None:
    assert parse_cpus(",".join(map(str, cpus))) == sorted(cpus)
    assert parse_cpus(f"{min(cpus)}-{max(cpus)}") == list(range(min(cpus), max(cpus) + 1))


@pytest.mark.parametrize("text", ["", ",", "0,", "a", "-1", "3-1", "1-", "0 1", "99999"])
def test_what_is_no_list_of_cpus(text: str) -> None:
    with pytest.raises(UsageError):
        parse_cpus(text)


@given(st.text() | st.binary())
def test_a_shown_word_is_harmless(word: str | bytes) -> None:
    assert show(word).isprintable()
    assert len(show(word)) < 3000
