from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from lab.console import NoProgress, WholeLines
from lab.doctor import finding, report
from lab.doctor.finding import Check, Finding, ask, examine, failed, ok, skipped, warning
from lab.errors import LabError


def a_check(name: str, *findings: Finding, may_take_long: bool = False) -> Check:
    return Check(name, lambda: findings, may_take_long)


def test_findings_come_in_the_order_of_the_checks_not_of_their_ends() -> None:
    slow = threading.Event()

    def first() -> Iterator[Finding]:
        slow.wait(5)
        yield ok("first", "x")

    def second() -> Iterator[Finding]:
        slow.set()
        yield ok("second", "x")
        yield ok("third", "x")

    found = examine([Check("first", first), Check("second", second), a_check("fourth", ok("fourth", "x"))])
    assert [each.name for each in found] == ["first", "second", "third", "fourth"]


def test_long_checks_run_where_an_interrupt_reaches_them_and_are_told() -> None:
    where: list[threading.Thread] = []
    told: list[str] = []

    class Told(NoProgress):
        def detail(self, text: str) -> None:
            told.append(text)

    def look() -> list[Finding]:
        where.append(threading.current_thread())
        return [ok("long", "x")]

    examine([Check("long", look, may_take_long=True)], Told())
    assert where == [threading.main_thread()]
    assert told == ["long"]


@pytest.mark.parametrize(
    "error",
    [
        LabError("The disk is gone.", "Buy one."),
        OSError(5, "Input/output error"),
        TimeoutError("it did not end within 5 s"),
        subprocess.CalledProcessError(1, ["qemu"]),
    ],
)
def test_a_check_that_cannot_be_made_has_failed_and_the_others_go_on(error: Exception) -> None:
    def look() -> list[Finding]:
        raise error

    found = examine([Check("broken", look), a_check("other", ok("other", "x"))])
    assert [(each.name, each.status) for each in found] == [("broken", "failed"), ("other", "ok")]
    assert found[0].fix
    assert "\n" not in found[0].found


def test_a_fault_of_ours_is_not_hidden_as_a_finding() -> None:
    def look() -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine([Check("bug", look)])


def test_a_tool_is_ended_when_its_time_is_up() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        ask(["sleep", "30"], timeout=0.2)
    assert time.monotonic() - began < 5


def test_a_tools_words_and_status_come_back() -> None:
    assert ask(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr")


def test_root_needs_no_sudo_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert finding.install("b", "a", "b") == "apt-get install --no-install-recommends -y a b"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert finding.install("a") == "sudo apt-get install --no-install-recommends -y a"


FOUND = [
    ok("python", "Python 3.11.7"),
    warning("kvm", "[odd] " + "x y " * 40, "sudo modprobe kvm_intel"),
    failed("disk", "1.0 GB free", "rm -r " + "a/very/long/path/" * 10),
    skipped("apparmor", "not for root"),
]


def test_only_a_failure_gives_a_status_other_than_0() -> None:
    assert report.exit_status(FOUND) == 1
    assert report.exit_status([each for each in FOUND if each.status != "failed"]) == 0


def test_the_json_has_the_keys_that_the_readme_names() -> None:
    shown = json.loads(json.dumps(report.document(FOUND)))
    assert shown.keys() == {"format", "subject", "machine", "result", "counts", "checks"}
    assert (shown["format"], shown["subject"], shown["machine"], shown["result"]) == (
        1,
        "host",
        None,
        "failed",
    )
    assert shown["counts"] == {"ok": 1, "warning": 1, "failed": 1, "skipped": 1}
    assert shown["checks"][0] == {"name": "python", "status": "ok", "found": "Python 3.11.7", "fix": ""}
    assert report.document(FOUND[:2], "web")["subject"] == "guest"
    assert report.document(FOUND[:2], "web")["result"] == "ok"


def table(findings: list[Finding], **settings: object) -> str:
    text = io.StringIO()
    report.show(findings, WholeLines(file=text, width=80, **settings), "This host")
    return text.getvalue()


def test_the_table_fits_80_columns_and_fixes_can_be_copied_whole() -> None:
    shown = table(FOUND)
    above, _, below = shown.partition("what to do")
    assert all(len(line) <= 80 for line in above.splitlines())
    assert "  rm -r " + "a/very/long/path/" * 10 + "\n" in below
    assert "[odd]" in above
    for word in ("ok", "warning", "FAILED", "skipped"):
        assert word in above


def test_there_are_no_colours_where_no_terminal_listens() -> None:
    assert "\x1b" not in table(FOUND)
    assert "\x1b" in table(FOUND, force_terminal=True)


def test_failures_come_first_in_what_to_do_and_the_last_line_says_it_all() -> None:
    shown = table(FOUND)
    assert shown.index("FAILED disk: what to do") < shown.index("warning kvm: what to do")
    assert shown.splitlines()[-1] == "This host is not ready: 1 of 4 checks failed, 1 warning."
    assert table([FOUND[0]]).splitlines()[-1] == "This host is ready: nothing failed."


def test_help_does_not_wait_for_what_only_a_check_needs() -> None:
    program = (
        "import sys, lab.cli_doctor; print(*(m for m in sys.modules if m.startswith(('lab.', 'fabric'))))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    console = {"lab.console", "lab.errors", "lab.unseen"}
    assert set(loaded.split()) == {"lab.cli_doctor", "lab.cli_options", *console}
