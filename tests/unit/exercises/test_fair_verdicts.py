"""What the checks make of what they saw: honest engines of another make pass, and what only looks right does not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from grading.api.expectations import Unmet
from grading.api.listing import Listing
from grading.api.scenarios import KNOWN
from grading.api.streams import Stream
from grading.guest.records import Finished
from lab import paths

SEGMENTATION_FAULT = 11
ONE = 1 << 8
"""As waitpid(2) tells it: exit code 1."""


def checks(path: str) -> ModuleType:
    """The checks of a file of the exercises."""
    name = f"looked_at_{path.replace('/', '_').removesuffix('.py')}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, paths.CHECKOUT / "exercises" / path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def finished(status: int, out: str = "", error: str = "", *, timed_out: bool = False) -> Finished:
    """The end of a client."""
    return Finished(("engine",), status, out.encode(), error.encode(), 0, 0, 0.0, 1.0, timed_out)


WORDS = ("an unknown command", "stop of an unknown id", "start without a command", "logs of an unknown id")
IDS = ("leads out", "is empty", "is too long", "holds a slash")


@pytest.mark.parametrize(
    ("done", "message"),
    [
        (finished(ONE, error="what is that?"), ""),
        (finished(ONE, out="what is that?"), ""),
        (finished(ONE), "a message"),
        (finished(SEGMENTATION_FAULT), "with a status"),
        (finished(SEGMENTATION_FAULT, error="what is that?"), "with a status"),
        (finished(0, error="what is that?"), "other than 0"),
        (finished(9, timed_out=True), "other than 0"),
    ],
)
def test_a_refusal_is_a_message_and_a_status_and_no_crash(done: Finished, message: str) -> None:
    there = checks("04_control_socket/test_requests.py")
    seen = there.Refusals(dict.fromkeys((*WORDS, *IDS), done), {}, [])
    for check in (
        there.test_unknown_things_fail, there.test_logs_of_an_unknown_id_fail, there.test_bad_ids_are_refused,
    ):  # fmt: skip
        expect_failure(lambda check=check: check(seen), message)


def expect_failure(look: Callable[[], object], message: str) -> None:
    """That it fails with this, or not at all where that is empty."""
    if not message:
        look()
        return
    with pytest.raises(Unmet, match=message):
        look()


class EndsOn:
    """An engine whose supervisor ends when one of its commands comes; clients fail where none lives."""

    level = 1

    def __init__(self, command: str) -> None:
        self.command = command
        self.supervisor_lives = True
        self.started = 0

    def is_shared(self) -> bool:
        return False

    def new_id(self, name: str) -> str:
        return name

    def start_supervisor(self) -> None:
        self.supervisor_lives = True
        self.started += 1

    def __call__(self, *words: str) -> Finished:
        self.supervisor_lives &= words[0] != self.command
        return finished(ONE, error="no answer")


@pytest.mark.parametrize("command", ["dance", "stop", "logs", "start"])
def test_a_request_that_ends_the_supervisor_is_not_refused_and_costs_no_other(command: str) -> None:
    there = checks("04_control_socket/test_requests.py")
    engine = EndsOn(command)
    seen: Any = KNOWN["refused_words"].function(engine)
    is_log = command == "logs"
    expect_failure(lambda: there.test_unknown_things_fail(seen), "" if is_log else "lives on")
    expect_failure(lambda: there.test_logs_of_an_unknown_id_fail(seen), "lives on" if is_log else "")


@pytest.mark.parametrize(
    ("done", "is_refused"),
    [
        (finished(ONE, error="taken"), True),
        (finished(0, out="taken"), True),
        (finished(SEGMENTATION_FAULT), False),
        (finished(9, timed_out=True), False),
    ],
)
def test_a_client_that_crashed_has_not_refused_to_share(done: Finished, is_refused: bool) -> None:
    there = checks("02_rootfs/test_rootfs.py")
    assert there.Attempt(done, False, 1).is_refused is is_refused


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("4321 exited Mon Oct  5 12:34:56 2026 40 64 0 6 exited logs/again-n1.log", ""),
        ("4321 exited 12:34:05 40/64 5 seconds ago code=6", ""),
        ("4300 exited 213\nagain-n1 4321 exited 6", "one record"),
        ("4300 exited 213", "one record"),
    ],
)
def test_a_new_record_is_told_from_the_old_one_on_every_day(row: str, message: str) -> None:
    there = checks("04_control_socket/test_run.py")
    listing = Listing(finished(0, f"again-n1 {row}\n"), 2, ["again-n1"])
    expect_failure(lambda: there.test_id_may_be_used_again((finished(6 << 8), listing, "again-n1")), message)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"7/cgroup": "0::/boxwright/a\n", "8/cgroup": "0::/boxwright/b\n"}, ""),
        ({"7/cgroup": "0::/boxwright\n", "8/cgroup": "0::/boxwright\n"}, "two cgroups"),
        ({"7/cgroup": "0::/init.scope\n", "8/cgroup": "0::/boxwright/b\n"}, "the host"),
    ],
)
def test_cgroups_are_looked_at_from_the_host(told: dict[str, str], message: str) -> None:
    there = checks("07_limits/test_limits.py")
    pids = iter((7, 8))

    def start(*_args: str, **_more: str) -> Any:
        pid = next(pids)
        return SimpleNamespace(
            id=str(pid), await_running=lambda: SimpleNamespace(pid=pid), view=lambda: {"cgroup": b"0::/\n"}
        )

    observer = SimpleNamespace(proc=lambda path: told.get(path, "0::/init.scope\n"))
    engine = SimpleNamespace(start=start, stop=lambda identifier: None)
    seen = KNOWN["cgroups"].function(engine, observer)
    expect_failure(lambda: there.test_own_cgroup(seen, SimpleNamespace(observer=observer)), message)


@pytest.mark.parametrize("is_prompt", [True, False])
def test_a_log_that_is_written_at_the_end_of_its_container_costs_one_check(is_prompt: bool) -> None:
    there = checks("05_bounded_buffer/test_logs.py")
    logs = there.Logs(live=is_prompt, out=b"to standard output\n", shown=b"to standard output\n")
    flood = there.Flood(ps_answered=True)
    expect_failure(
        lambda: there.test_log_can_be_read_while_it_is_written(logs), "" if is_prompt else "a moment"
    )
    expect_failure(lambda: there.test_log_is_shown(logs), "not shown" if is_prompt else "")
    expect_failure(lambda: there.test_noisy_one_stops_nobody(flood, logs), "quiet" if is_prompt else "")
    flood.ps_answered = False
    expect_failure(lambda: there.test_noisy_one_stops_nobody(flood, logs), "`ps` is answered")


PIPE, SOCKET, TERMINAL = (Stream(kind, kind, True) for kind in ("pipe", "socket", "terminal"))
FILE, UNREAD = Stream("/var/log/a.log", "file", False), Stream("pipe:[8]", "pipe", False)


@pytest.mark.parametrize(
    ("out", "error", "levels"),
    [
        (PIPE, PIPE, {1, 2}), (SOCKET, SOCKET, {1}), (TERMINAL, TERMINAL, {1}), (FILE, FILE, set()),
        (PIPE, FILE, set()), (FILE, PIPE, set()), (UNREAD, UNREAD, set()), (PIPE, SOCKET, {1}),
    ],
)  # fmt: skip
def test_outputs_run_through_what_holds_up_the_writer(out: Stream, error: Stream, levels: set[int]) -> None:
    there = checks("05_bounded_buffer/test_logs.py")
    logs = there.Logs(streams={1: out, 2: error}, err=b"to standard error\n")
    for level in (1, 2):
        expect_failure(
            lambda level=level: there.test_outputs_run_through_pipes(logs, SimpleNamespace(level=level)),
            "" if level in levels else "of which the supervisor has the other end",
        )


def test_errors_that_are_not_kept_cost_one_check() -> None:
    there = checks("05_bounded_buffer/test_logs.py")
    logs = there.Logs(streams={1: PIPE, 2: FILE}, err=b"")
    there.test_outputs_run_through_pipes(logs, SimpleNamespace(level=2))


@pytest.mark.parametrize(
    ("idle", "exited", "stopped", "message"),
    [
        ("hard_limit_killed", "exited", "stopped", ""),
        ("State: KILLED", "State: EXITED", "State: KILLED | STOPPED VIA CLI", ""),
        ("killed", "exited", "killed", "other words"),
        ("exited", "exited", "exited, stopped by the user", "other words"),
        ("stopped", "exited", "stopped by the user", "other words"),
    ],
)
def test_a_kill_is_told_by_other_words_than_a_stop(
    idle: str, exited: str, stopped: str, message: str
) -> None:
    there = checks("07_limits/test_limits.py")
    ends = {"idle-n1": idle, "ended-n2": exited, "asked-n3": stopped}
    text = "".join(f"{name}  {pid}  {end}\n" for pid, (name, end) in enumerate(ends.items(), 400))
    seen = SimpleNamespace(
        listing=Listing(finished(0, text), 1, ends),
        **{
            name: SimpleNamespace(id=end)
            for name, end in zip(("idle", "exited", "stopped"), ends, strict=True)
        },
    )
    expect_failure(lambda: there.test_ps_tells_the_hard_limit(seen), message)
