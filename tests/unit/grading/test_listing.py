"""Numbers are found where a person would see them, in whatever form `ps` has."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from grading.api.listing import Listing
from grading.api.log_places import PATH
from grading.guest.records import Finished


def listing(text: str, level: int = 2, others: Sequence[str] = ()) -> Listing:
    return Listing(
        Finished(("engine", "ps"), 0, text.encode(), b"", len(text), 0, 0.0, 0.1, False), level, others
    )


@pytest.mark.parametrize(
    "row",
    [
        "c-n1 1234 exited 7",
        "c-n1 pid=1234 state=exited code=7",
        '{"id": "c-n1", "exit_code": 7, "pid": 1234}',
        "c-n1 (1234) exited(7)",
        "c-n1 1234 exited, 7.",
    ],
)
def test_a_number_as_a_word(row: str) -> None:
    assert listing(row).has_number("c-n1", 7)


@pytest.mark.parametrize(
    "row",
    [
        "c-n1 1234 exited 0 /var/log/boxwright/c-n7fa.log",
        "c-n1 1274 exited 0",
        "c-n1 1234 exited 0 07:17:57",
        "c-n1 1234 exited 0 after 2.7 s",
        "c-n1 1234 exited 0 abc7def",
        "c-n1 1234 exited -7",
    ],
)
def test_a_number_in_a_name_or_another_number_is_none(row: str) -> None:
    assert not listing(row).has_number("c-n1", 7)


@pytest.mark.parametrize(
    "row", ["c-n1 40MiB/64MiB", "c-n1 40/64", "c-n1 soft=41943040 hard=67108864", "c-n1 40 MiB 64 MiB"]
)
def test_limits_in_any_unit(row: str) -> None:
    assert listing(row).has_mib("c-n1", 40)
    assert listing(row).has_mib("c-n1", 64)
    assert not listing(row).has_mib("c-n1", 4)


@pytest.mark.parametrize(
    "when",
    [
        "2026-11-11T11:11:11Z", "2026-11-11 11:11:11.11", "Wed Nov 11 11:11:11 2026", "11 Nov 2026 11:11:11",
        "11/11/2026, 11:11:11", "11.11.2026 11:11:11",
    ],
)  # fmt: skip
def test_a_time_tells_no_number_but_when(when: str) -> None:
    """Else a signal, a limit or a code would be told on one day or second, and not on the next."""
    row = listing(f"c-n1 1234 exited {when} 40/64")
    assert "11" not in row.told("c-n1")
    assert "11" not in row.numbers("c-n1")
    assert not row.has_number("c-n1", 11)
    assert not row.has_mib("c-n1", 11)
    assert row.has_mib("c-n1", 64)
    assert row.has_number("c-n1", 1234)


@pytest.mark.parametrize("footer", ["__END__", "OK", "-----"])
def test_a_word_below_a_table_tells_nothing_of_its_last_row(footer: str) -> None:
    last = listing(f"c-n2 1235 stopped 0\nc-n1 1234 exited 7\n{footer}\n")
    assert last.words("c-n1") == {"exited"}


def test_a_word_alone_below_an_id_is_its() -> None:
    assert listing("c-n1\nexited\n7\n").words("c-n1") == {"exited"}


def test_a_last_row_that_was_cut_within_its_id_belongs_to_no_other() -> None:
    text = "zero-n17\texited\tpid=40\nfirs"
    told = Listing(listing(text).finished, 1, ["zero-n17", "first-n18"])
    assert told.entry("zero-n17") == "zero-n17\texited\tpid=40"
    whole = Listing(listing(text + "\n").finished, 1, ["zero-n17", "first-n18"])
    assert "firs" in whole.entry("zero-n17"), "a line that ends is whole"


@pytest.mark.parametrize(
    "state",
    [
        "running", "RUNNING", "Up", "alive", "CONTAINER_RUNNING", "STATE_RUNNING", "state=running", "started", "LIVE",
        "\x1b[32mrunning\x1b[0m", "\x1b[1;32mRUNNING\x1b[0m", "\x1b[0;32mSTATE_RUNNING\x1b[0m", "is_running=1",
        "started hard_limit=64 exit_code=-1", "live exit code: - reason=none", '"running": true',
    ],
)  # fmt: skip
def test_states_of_the_living_at_level_1(state: str) -> None:
    told = listing(f"\x1b[1mc-n1\x1b[0m 1234 {state} 10:00:00\n", 1)
    assert told.runs("c-n1")
    assert not told.ended("c-n1")


@pytest.mark.parametrize(
    "state",
    [
        "not running (exited)", "NOT_RUNNING exited", "no longer running, killed", "stopped (was running)",
        "exited started 10:00:00", "CONTAINER_EXITED", "state=exited started=10:00:00", "is_running=0 exited",
        '"running": false, "state": "exited"', "exited STARTED: 1700000000", "stopped started_at 10:00",
        "\x1b[31mexited\x1b[0m", "exited inactive", "exited running_time=5", "STATE_STOPPED",
    ],
)  # fmt: skip
def test_states_of_the_dead_at_level_1(state: str) -> None:
    told = listing(f"c-n1 1234 {state}\n", 1)
    assert told.ended("c-n1")
    assert not told.runs("c-n1")


def test_level_2_knows_its_own_words_only() -> None:
    for state in ("started", "live", "CONTAINER_RUNNING"):
        assert not listing(f"c-n1 1234 {state}\n").runs("c-n1")
    assert listing("c-n1 1234 running\n").runs("c-n1")


def test_a_number_in_colour() -> None:
    assert listing("c-n1 \x1b[36m1234\x1b[0m running\n").has_number("c-n1", 1234)


@pytest.mark.parametrize(
    "footer",
    [
        "Total containers: 2", "Running: 1", "Running containers: 0", "2 containers", "2 running containers",
        "Total: 2", "End of list", "(2 rows)", "Supervisor PID: 812", "log folder: logs/", "-----  -----", "Stopped: 1",
        "  Total containers: 2", "2 container(s) listed", "Count = 2",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "rows",
    [
        "a-n2 1234 running 0\nc-n1 1235 exited 0\n",
        "a-n2 1234 running\nc-n1 1235 exited\n",
        "ID: a-n2 | PID: 1234 | STATE: running\nID: c-n1 | PID: 1235 | STATE: exited\n",
        "| a-n2 | 1234 | running |\n| c-n1 | 1235 | exited  |\n",
    ],
)
def test_what_stands_below_a_table_is_about_none_of_its_rows(rows: str, footer: str) -> None:
    told = listing(f"{rows}{footer}\n", 1, ["a-n2", "c-n1"])
    assert told.entry("c-n1") == rows.splitlines()[1]
    assert told.ended("c-n1")
    assert told.runs("a-n2")


@pytest.mark.parametrize(
    "form",
    [
        "{id}\n  pid: {pid}\n  state: {state}\n  log: {id}.log\n",
        "ID: {id}\nPID: {pid}\nState: {state}\nLimits: 40/64\n",
        "Container {id}\npid {pid}\n{state}\n",
        "{id} {pid} {state} 10:00:00\n    reason={state} code=0\n    log=logs/{id}.log\n",
        "{id} {pid} 10:00:00 /rootfs\nstate: {state}\nreason: {state}\n",
        "{id} {pid} 10:00:00 /rootfs\n  {state}\n",
        "=== {id} ===\nPID: {pid}\nState: {state}\nReason: {state}\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("footer", ["", "Total containers: 2\n", "\nRunning: 1\n"])
def test_an_entry_of_several_lines_stays_whole(form: str, footer: str) -> None:
    text = "".join(
        form.format(id=identifier, pid=pid, state=state)
        for identifier, pid, state in (
            ("a-n2", 1234, "running"),
            ("b-n3", 1235, "killed"),
            ("c-n1", 1236, "exited"),
        )
    )
    told = listing(text + footer, 1, ["a-n2", "b-n3", "c-n1"])
    for identifier, state in (("a-n2", "running"), ("b-n3", "killed"), ("c-n1", "exited")):
        assert told.entry(identifier).count("\n") == form.count("\n") - 1
        assert state in told.words(identifier)
    assert told.runs("a-n2") and told.ended("b-n3") and told.ended("c-n1")
    assert told.words("b-n3") ^ told.words("c-n1") == {"killed", "exited"}


@pytest.mark.parametrize(
    "text",
    [
        "zero-n1a2b3 1234 exited zero-n1a2b3.log\npolite-n1a2b4 1235 exited polite-n1a2b4.log\n",
        "zero-n1a2b3 1234 exited 0\npolite-n1a2b4 1235 exited 3\nTotal containers: 2\n",
        "zero-n1a2b3 1234 exited log=log-zero-n1a2b3\npolite-n1a2b4 1235 exited log=log-polite-n1a2b4\n",
        "zero-n1a2b3 1234 exited 2 minutes ago\npolite-n1a2b4 1235 exited 50 seconds ago\n",
        "\x1b[31mzero-n1a2b3\x1b[0m 12 exited\n\x1b[1mpolite-n1a2b4\x1b[0m 13 exited\nSupervisor: 5\n",
    ],
)
def test_two_that_ended_alike_are_told_in_the_same_words(text: str) -> None:
    told = listing(text, 1, ["zero-n1a2b3", "polite-n1a2b4"])
    assert told.words("zero-n1a2b3") == told.words("polite-n1a2b4")


@pytest.mark.parametrize(
    "text",
    [
        "a1 started " + "x" * 20_000,
        "a1 running 5 6\n" + "".join(f"  x{number} y\n" for number in range(4000)),
        "b1 running 5 6\na1 running 5 6\n" + "".join(f"x{number}: y\n" for number in range(4000)),
        "a1 running 5 6\n" * 100_000,
    ],
)
def test_no_listing_takes_long(text: str) -> None:
    began = time.process_time()
    found = listing(text, 1, ["b1", "c2"])
    assert found.runs("a1")
    found.reason("a1"), found.told("a1"), found.words("a1")
    assert time.process_time() - began < 5


def test_paths_are_found_in_the_time_of_a_text() -> None:
    began = time.process_time()
    assert PATH.findall("x" * 100_000 + " logs/a1.log /b//c.log/, d") == ["logs/a1.log", "/b//c.log"]
    assert time.process_time() - began < 2
