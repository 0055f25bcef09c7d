"""Numbers are found where a person would see them, in whatever form `ps` has."""

from __future__ import annotations

import pytest

from grading.api.listing import Listing
from grading.guest.records import Finished


def listing(text: str) -> Listing:
    return Listing(Finished(("engine", "ps"), 0, text.encode(), b"", len(text), 0, 0.0, 0.1, False), 2)


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
