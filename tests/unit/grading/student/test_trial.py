"""Which checks are run, and what is read out of what a guest said."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.api.checks import Check
from grading.guest.delivery import OLDER, Product
from grading.student import trial
from grading.student.kernel_words import meanings, telling
from grading.student.store import Store
from grading.student.trial import Place
from grading.verdicts import CheckResult
from lab.errors import LabError


def place(id_: str, exercise: str, *needs: str) -> Place:
    group = id_.partition(".")[0]
    check = Check(id_, group, 1, 1, needs, "", "engine", "shared", False, "Title", "")
    return Place(check, exercise, Path(exercise))


PLACES = {
    each.check.id: each
    for each in (
        place("build.engine_builds", "00"),
        place("containers.starts", "01", "build.engine_builds"),
        place("containers.own_proc", "01", "containers.starts"),
        place("control.start_returns", "01", "containers.starts"),
        place("logs.output_is_kept", "05", "containers.starts", "logs.elsewhere"),
    )
}


def test_all_checks_of_an_exercise_or_those_that_are_named() -> None:
    assert trial.chosen(PLACES, "01", []) == (
        "containers.starts",
        "containers.own_proc",
        "control.start_returns",
    )
    assert trial.chosen(PLACES, "01", ["control"]) == ("control.start_returns",)
    assert trial.chosen(PLACES, "01", ["own_proc", "containers.starts"]) == (
        "containers.starts",
        "containers.own_proc",
    )


@pytest.mark.parametrize(
    ("exercise", "only", "says"),
    [
        ("01", ["logs.output_is_kept"], r"no check 'logs\.output_is_kept'\. It is one of exercise 05"),
        ("01", ["nothing"], r"no check 'nothing'\. There is containers\.starts, "),
        ("02", [], "has no checks"),
    ],
)
def test_what_there_is_not_is_told(exercise: str, only: list[str], says: str) -> None:
    with pytest.raises(LabError, match=says):
        trial.chosen(PLACES, exercise, only)


def test_parents_come_along() -> None:
    assert trial.with_parents(PLACES, ["logs.output_is_kept"]) == {
        "logs.output_is_kept", "containers.starts", "build.engine_builds",
    }  # fmt: skip


def test_a_traceback_is_found_among_other_words() -> None:
    text = (
        "started\nTraceback (most recent call last):\n"
        '  File "/submission/runtime/engine", line 3, in <module>\n    boom()\n    ~~~~^^\n'
        "ZeroDivisionError: division by zero\nand on it goes\n"
    )
    [found] = trial.TRACEBACK.findall(text)
    assert found.startswith("Traceback") and found.endswith("ZeroDivisionError: division by zero")


def test_a_chain_of_tracebacks_is_one() -> None:
    one = 'Traceback (most recent call last):\n  File "/submission/x", line 3, in y\n    z\n{}\n'
    between = "\nDuring handling of the above exception, another exception occurred:\n\n"
    text = one.format("KeyError: 1") + between + one.format("ValueError: 2") + one.format("OSError: 3")
    first, second = trial.TRACEBACK.findall(text)
    assert first.endswith("ValueError: 2") and "KeyError" in first and second.endswith("OSError: 3")


LOCKUP = (
    "watchdog: BUG: soft lockup - CPU#1 stuck for 8s! [insmod:311]",
    "Modules linked in: monitor(OE+)",
    "CPU: 1 UID: 0 PID: 311 Comm: insmod Tainted: G OE 6.12",
    "RIP: 0010:monitor_init+0x12/0xff0 [monitor]",
    "Code: 00 00 0f 1f 44",
    "RAX: 0000000000000000 RBX: 0000000000000000",
    " ? __pfx_monitor_init+0x10/0x10 [monitor]",
    " do_one_initcall+0x58/0x310",
    "RIP: 0033:0x7f072ff1a6b9",
)


def test_of_a_report_the_telling_lines_are_kept() -> None:
    assert telling(LOCKUP) == (LOCKUP[0], LOCKUP[3])


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("BUG: scheduling while atomic: engine/412/0x00000002", "sleep"),
        ("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:283", "sleep"),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000008", "NULL"),
        ("BUG: unable to handle page fault for address: ffff8880deadbeef", "freed"),
        (LOCKUP[0], "spinlock"),
        ("INFO: task engine:412 blocked for more than 10 seconds.", "mutex"),
        ("refcount_t: underflow; use-after-free.", "reference"),
        ("list_del corruption. prev->next should be ffff, but was 0", "list"),
        ("Kernel panic - not syncing: Fatal exception", "gave up"),
    ],
)
def test_well_known_words_have_a_meaning(line: str, word: str) -> None:
    [meaning] = meanings([line])
    assert word in meaning


def test_what_is_not_known_has_none() -> None:
    assert meanings(["[container_monitor] Module loaded. Device: /dev/container_monitor"]) == ()


def test_products_are_kept_by_their_sources(tmp_path: Path) -> None:
    store = Store(tmp_path / "products")
    assert store.find("monitor", "a") is None
    store.keep("monitor", "a", Product("/x/monitor.ko", "make", ()), b"\x7fELF a")
    store.keep("monitor", "b", Product("/x/monitor.ko", "make", ()), b"\x7fELF b")
    assert store.find("monitor", "a") == (Product("/x/monitor.ko", "make", ()), b"\x7fELF a")
    assert store.find("engine", "a") is None
    for number in range(40):
        store.keep("monitor", str(number), Product("/x", "make", ()), b"")
    assert len(list(store.folder.glob("*.bin"))) == len(list(store.folder.glob("*.json"))) == 24
    next(store.folder.glob("*.json")).write_text("[]")
    assert [each for each in range(40) if store.find("monitor", str(each))]


def test_of_what_was_kept_nobody_knows_what_the_compiler_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "products")
    store.keep("engine", "a", Product("/x/engine", f"make engine{OLDER}", ()), b"\x7fELF a")
    found = store.find("engine", "a")
    assert found is not None and found[0].refusals == ()


def test_of_what_a_grading_tells_only_verdicts_are_told_on() -> None:
    """What was taken and what was measured is known otherwise."""
    told: list[CheckResult] = []
    verdict = CheckResult("logs.a", "logs", 1, "passed", 1, 1)
    one = object.__new__(trial.Telling)
    one.verdicts, one._tell_verdict = {"logs.a": verdict}, told.append
    for value in ({"about": {}}, {"measured": {"share_fast": 84.0}}, verdict.__dict__):
        one._tell(value)
    assert told == [verdict]
