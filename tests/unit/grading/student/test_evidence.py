"""What is kept of a run for `lab logs`, and which tracebacks are the student's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from grading.guest.records import KernelRecord
from grading.student import evidence, trial
from grading.student.bench import Seen, WorkspaceSession
from lab.errors import MachineError

ENGINE = "/submission/runtime/engine"
RAISED = (
    b"Traceback (most recent call last):\n"
    b'  File "/submission/runtime/engine", line 3, in <module>\n    boom\nNameError: boom\n'
)


def program(*words: str, code: int | None = 0, said: bytes = b"", lost: bool = False) -> Any:
    def output() -> tuple[bytes, bytes]:
        if lost:
            raise MachineError("gone")
        return said, b" and more\n"

    finished = None if code is None else SimpleNamespace(code=code)
    return SimpleNamespace(words=words, finished=finished, peek=lambda: said, output=output)


def session(*seen: Seen) -> WorkspaceSession:
    built = SimpleNamespace(engine=SimpleNamespace(path=ENGINE))
    return cast(WorkspaceSession, SimpleNamespace(built=built, seen=lambda: list(seen)))


def record(text: str, facility: int = 0) -> KernelRecord:
    return KernelRecord(1, facility, 6, 1.5, text)


def test_calls_and_lines_of_all_guests_are_kept_in_order() -> None:
    first = Seen(
        (record("one"), record("a program's own", facility=3)),
        (
            program(ENGINE, "supervisor", "/base", code=None, said=b"up"),
            program("insmod", "monitor.ko"),
            program(ENGINE, "ps", code=125, said=b"no"),
        ),
    )
    second = Seen(
        (record("two"),), (program(ENGINE, "supervisor", "/base", code=None, said=b"again", lost=True),)
    )
    found = evidence.gather(session(first, second))
    assert found["kernel"].decode() == "[   1.500000] one\n[   1.500000] two\n"
    assert found["supervisor"] == b"up and more\nagain"
    assert found["calls"].decode().splitlines() == [
        "$ engine supervisor /base  → goes on",
        "up and more",
        "$ engine ps  → 125",
        "no",
        "$ engine supervisor /base  → goes on",
        "again",
    ]


def test_a_traceback_is_told_once_and_with_the_workspaces_paths() -> None:
    other = RAISED.replace(b"/submission/", b"/usr/lib/")
    seen = Seen(
        (), (program(ENGINE, said=RAISED), program(ENGINE, said=RAISED + b"x"), program("x", said=other))
    )
    [found] = trial.tracebacks(session(seen), "/submission")
    assert 'File "runtime/engine", line 3' in found and found.endswith("NameError: boom")
