"""The gradebook's file: nothing is lost, whoever is killed and whoever writes at the same time."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.gradebook import tables
from grading.gradebook.amounts import Amount, Manual
from grading.gradebook.marks import Adjustments, LateRule, Written
from grading.gradebook.roster import Student
from grading.gradebook.store import NAME, Gradebook
from lab.errors import LabError

KEY = {"content_hash": "files", "checks_hash": "checks", "image": "img", "level": 2}

WRITER = """
import sys
from pathlib import Path
from grading.gradebook.store import Gradebook
from grading.verdicts import CheckResult, SubmissionResult
with Gradebook.open(Path(sys.argv[1]), create=True) as gradebook:
    for number in range(int(sys.argv[3])):
        name = f"{sys.argv[2]}-{number}"
        checks = (CheckResult("a.b", "a", 1, "passed", 1, 1, actual="x" * 100_000),)
        gradebook.record(SubmissionResult(name, checks), content_hash="h")
        print(name, flush=True)
"""

SETTER = """
import dataclasses, sys
from pathlib import Path
from grading.gradebook.amounts import Manual
from grading.gradebook.store import Gradebook
with Gradebook.open(Path(sys.argv[1]), create=True) as gradebook:
    for number in range(int(sys.argv[3])):
        more = {f"{sys.argv[2]}-{number}": Manual.read("1")}
        gradebook.adjust(
            "submission", "ann", lambda old: dataclasses.replace(old, points={**old.points, **more})
        )
"""


def graded(make: Any, **changes: Any) -> Any:
    return dataclasses.replace(make.result(), checks_hash="checks", image="img", level=2, **changes)


def test_results_stay_and_the_newest_counts(tmp_path: Path, make: Any) -> None:
    old = graded(make)
    new = dataclasses.replace(old, checks=(make.check("one"),), seed="second")
    with Gradebook.open(tmp_path, create=True) as gradebook:
        batch = gradebook.begin_batch(tmp_path, {"jobs": 2})
        gradebook.record(old, content_hash="files", batch=batch)
        gradebook.record(new, content_hash="files", batch=batch)
        gradebook.end_batch(batch)
    with Gradebook.open(tmp_path) as gradebook:
        latest = gradebook.latest("ann")
        assert latest is not None
        assert latest.result == new
        assert [entry.result for entry in gradebook.history("ann")] == [new, old]
        assert [entry.result for entry in gradebook.all_latest()] == [new]
        assert latest.batch == batch


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    Gradebook.open(tmp_path, create=True).close()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_finished_asks_for_the_same_files_checks_image_level_and_options(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="files")
        found = gradebook.finished("ann", **KEY)
        assert found is not None and found.result == graded(make)
        for other in ({"content_hash": "x"}, {"checks_hash": "x"}, {"image": "x"}, {"level": 1}):
            assert gradebook.finished("ann", **{**KEY, **other}) is None
        assert gradebook.finished("ann", **KEY, options="engine=reference") is None
        assert gradebook.finished("bob", **KEY) is None


@pytest.mark.parametrize("changes", [{"problem": "The machine was lost."}, {"checks": "an error"}])
def test_what_we_failed_at_is_not_finished(tmp_path: Path, make: Any, changes: dict[str, Any]) -> None:
    if "checks" in changes:
        changes = {"checks": (make.check("one", "error"),)}
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make, **changes), content_hash="files")
        assert gradebook.finished("ann", **KEY) is None


def test_part_of_the_checks_is_never_the_mark(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="files")
        gradebook.record(graded(make, checks=()), content_hash="files", options="only=logs", partial=True)
        latest = gradebook.latest("ann")
        assert latest is not None
        assert latest.result == graded(make)
        assert len(gradebook.history("ann")) == 2


def test_what_was_set_is_kept_on_regrading_and_its_history_too(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="files")
        gradebook.adjust("submission", "ann", lambda old: dataclasses.replace(old, late_days=2))
        gradebook.adjust(
            "submission", "ann", lambda old: dataclasses.replace(old, points={"report": Manual.read("8/10")})
        )
        gradebook.adjust("student", "ann", lambda old: dataclasses.replace(old, excused=True))
        gradebook.record(graded(make), content_hash="other files")
        assert gradebook.adjustments() == {
            ("submission", "ann"): Adjustments(late_days=2, points={"report": Manual.read("8/10")}),
            ("student", "ann"): Adjustments(excused=True),
        }
    with sqlite3.connect(tmp_path / NAME) as connection:
        assert connection.execute("SELECT count(*) FROM adjustment").fetchone() == (3,)
    connection.close()


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    def fail(old: Adjustments) -> Adjustments:
        raise LabError("no")

    with Gradebook.open(tmp_path, create=True) as gradebook:
        with pytest.raises(LabError, match="no"):
            gradebook.adjust("submission", "ann", fail)
        gradebook.adjust("submission", "ann", lambda old: dataclasses.replace(old, remark="again"))
        assert len(gradebook.adjustments()) == 1


def test_what_is_done_together_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        with pytest.raises(LabError, match="no"), gradebook.together():
            gradebook.set_roster((Student("1"),))
            gradebook.adjust("submission", "ann", lambda old: dataclasses.replace(old, remark="well"))
            assert gradebook.roster() and gradebook.adjustments()
            raise LabError("no")
        assert not gradebook.roster() and not gradebook.adjustments()
        with gradebook.together():
            gradebook.set_roster((Student("1"),))
    with Gradebook.open(tmp_path) as gradebook:
        assert gradebook.roster() == (Student("1"),)


def test_roster_and_late_rule_come_back(tmp_path: Path) -> None:
    students = (Student("1", "Ann \udcff", "a@x", line=2), Student("2"))
    rule = LateRule(Amount.read("10%"), Amount.read("2.5"))
    with Gradebook.open(tmp_path, create=True) as gradebook:
        assert gradebook.roster() == ()
        assert gradebook.late_rule() is None
        gradebook.set_roster(students)
        gradebook.set_late_rule(rule)
        assert gradebook.roster() == students
        assert gradebook.late_rule() == rule


@given(data=st.data())
@settings(max_examples=40)
def test_any_result_comes_back_as_it_was(tmp_path: Path, make: Any, data: st.DataObject) -> None:
    result = dataclasses.replace(data.draw(make.results), checks_hash="c", image="i", seed="s", started="t")
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(result, content_hash="h")
        latest = gradebook.latest(result.submission)
        assert latest is not None
        assert latest.result == result
        assert latest.result.submission in {entry.result.submission for entry in gradebook.all_latest()}


def test_names_that_are_no_unicode_stay_apart(tmp_path: Path, make: Any) -> None:
    names = ["a\udcfe", "a\udcff", "a?", "a\ufffd"]  # as os.fsdecode gives what is not UTF-8
    with Gradebook.open(tmp_path, create=True) as gradebook:
        for name in names:
            gradebook.record(graded(make, submission=name), content_hash="h")
            gradebook.adjust("student", name, lambda old: dataclasses.replace(old, excused=True))
        assert {entry.result.submission for entry in gradebook.all_latest()} == set(names)
        assert {name for _, name in gradebook.adjustments()} == set(names)


def test_a_kill_at_any_moment_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    seen: set[str] = set()
    for attempt in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), f"run{attempt}", "1000000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        seen.add(writer.stdout.readline().strip())
        time.sleep(random.random() * 0.05)  # the moment of the kill is what varies
        os.kill(writer.pid, signal.SIGKILL)
        seen.update(writer.stdout.read().split())
        writer.stdout.close()
        writer.wait()
        with Gradebook.open(tmp_path) as gradebook:
            assert seen <= {entry.result.submission for entry in gradebook.all_latest()}
    with sqlite3.connect(tmp_path / NAME) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def both(script: str, folder: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), name, "25"], stdout=subprocess.DEVNULL)
        for name in ("left", "right")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]


def test_two_processes_record_at_once(tmp_path: Path) -> None:
    both(WRITER, tmp_path)
    with Gradebook.open(tmp_path) as gradebook:
        assert len(gradebook.all_latest()) == 50


def test_two_processes_change_the_same_at_once(tmp_path: Path) -> None:
    both(SETTER, tmp_path)
    with Gradebook.open(tmp_path) as gradebook:
        assert len(gradebook.adjustments()["submission", "ann"].points) == 50


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"id,name\n1,ann\n" * 100, "is not a gradebook"),
        (b"SQLite format 3\x00" + b"\x10\x00\x01\x01" + b"\xff" * 4000, "gradebook"),
    ],
)
def test_a_foreign_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(LabError, match=sentence):
        Gradebook.open(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_damaged_file_is_one_sentence(tmp_path: Path, make: Any) -> None:
    path = tmp_path / NAME
    with Gradebook.open(tmp_path, create=True) as gradebook:
        for number in range(50):
            gradebook.record(graded(make, submission=f"s{number}"), content_hash="h")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(LabError, match="damaged"), Gradebook.open(tmp_path) as gradebook:
        gradebook.all_latest()


def test_a_damaged_result_is_one_sentence(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("UPDATE result SET json = '{}'")
    connection.close()
    with Gradebook.open(tmp_path) as gradebook, pytest.raises(LabError, match="damaged"):
        gradebook.latest("ann")


CHECK = "$.checks[0]"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{CHECK}.points", '"x"'),
        (f"{CHECK}.points", "1e300"),
        (f"{CHECK}.points", "true"),
        (f"{CHECK}.max_points", "-1e300"),
        (f"{CHECK}.seconds", '"x"'),
        (f"{CHECK}.title", "3"),
        (f"{CHECK}.hidden", "0"),
        (f"{CHECK}.kernel", "[1]"),
        (f"{CHECK}.verdict", "[]"),
        ("$.engine.path", "3"),
        ("$.monitor.reasons", "[3]"),
        ("$.submission", "[1]"),
        ("$.level", '"x"'),
        ("$.started", "5"),
        ("$.seconds", '"x"'),
        ("$", "[]"),
    ],
)
def test_a_field_of_another_type_is_one_sentence(tmp_path: Path, make: Any, path: str, value: str) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
        gradebook.record(graded(make, submission="bob"), content_hash="h")
    _damage(tmp_path, f"UPDATE result SET json = json_set(json, '{path}', json('{value}')) WHERE id = 1")
    with Gradebook.open(tmp_path) as gradebook:
        for read in (gradebook.all_latest, lambda: gradebook.latest("ann"), lambda: gradebook.history("ann")):
            with pytest.raises(LabError, match=r"gradebook\.sqlite is damaged"):
                read()


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"schema": 1, "score": Infinity}'])
def test_json_that_is_none_is_one_sentence(tmp_path: Path, make: Any, text: str) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
        gradebook.set_roster((Student("1"),))
    _damage(tmp_path, f"UPDATE result SET json = '{text}'", f"UPDATE setting SET json = '{text}'")
    with Gradebook.open(tmp_path) as gradebook:
        for read in (gradebook.all_latest, gradebook.roster):
            with pytest.raises(LabError, match=r"gradebook\.sqlite is damaged"):
                read()


def test_points_without_an_end_are_one_sentence(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
    for word in ("NaN", "Infinity"):
        _damage(tmp_path, f"""UPDATE result SET json = replace(json, '"points": 10', '"points": {word}')""")
        with Gradebook.open(tmp_path) as gradebook, pytest.raises(LabError, match="is damaged"):
            gradebook.latest("ann")


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("adjustment", "$.late_days", "9" * 3000),
        ("adjustment", "$.late_days", "-1"),
        ("adjustment", "$.late_days", '"2"'),
        ("adjustment", "$.excused", '"no"'),
        ("adjustment", "$.remark", "3"),
        ("adjustment", "$.score", f'"{"9" * 3000}"'),
        ("adjustment", "$.penalty", "3"),
        ("adjustment", "$.points", '{"report": {"points": "1e9", "max_points": "0"}}'),
        ("roster", "$[0].id", "5"),
        ("roster", "$[0].line", '"x"'),
        ("roster", "$[0]", '"x"'),
        ("late rule", "$.per_day", f'"{"9" * 3000}"'),
        ("written", "$.due", '"soon"'),
        ("written", "$.due", '"2026-11-03T10:00"'),
        ("written", "$.due", "5"),
        ("written", "$.criteria", "[]"),
        ("written", "$.course", "[]"),
    ],
)
def test_what_was_said_and_is_damaged_is_one_sentence(
    tmp_path: Path, name: str, path: str, value: str
) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.adjust("submission", "ann", lambda old: dataclasses.replace(old, remark="well"))
        gradebook.set_roster((Student("1"),))
        gradebook.set_late_rule(LateRule(Amount.read("10%")))
        gradebook.set_written(Written("OS", due="2026-11-03T10:00+01:00"))
    table, where = ("adjustment", "") if name == "adjustment" else ("setting", f" WHERE name = '{name}'")
    _damage(tmp_path, f"UPDATE {table} SET json = json_set(json, '{path}', json('{value}')){where}")
    with Gradebook.open(tmp_path) as gradebook:
        read = getattr(gradebook, {"adjustment": "adjustments"}.get(name, name.replace(" ", "_")))
        with pytest.raises(LabError, match=r"gradebook\.sqlite is damaged"):
            read()


def _damage(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / NAME)
    with connection:
        for statement in statements:
            assert connection.execute(statement).rowcount
    connection.close()


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(LabError, match="another program"):
        Gradebook.open(tmp_path, create=True)


def test_a_newer_gradebook_is_left_alone(tmp_path: Path) -> None:
    Gradebook.open(tmp_path, create=True).close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(f"PRAGMA user_version = {len(tables.MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(LabError, match="newer version"):
        Gradebook.open(tmp_path)


def test_an_older_gradebook_is_brought_up_to_date(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
    more = (*tables.MIGRATIONS, ("ALTER TABLE result ADD COLUMN place TEXT", "CREATE TABLE later (x)"))
    monkeypatch.setattr(tables, "MIGRATIONS", more)
    with Gradebook.open(tmp_path) as gradebook:
        assert len(gradebook.all_latest()) == 1
    with sqlite3.connect(tmp_path / NAME) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(more),)
        assert connection.execute("SELECT place FROM result").fetchall() == [(None,)]
    connection.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook.record(graded(make), content_hash="h")
    monkeypatch.setattr(tables, "MIGRATIONS", (*tables.MIGRATIONS, ("CREATE TABLE later (x)", "nonsense")))
    with pytest.raises(LabError):
        Gradebook.open(tmp_path)
    monkeypatch.undo()
    with Gradebook.open(tmp_path) as gradebook:
        assert len(gradebook.all_latest()) == 1
    with sqlite3.connect(tmp_path / NAME) as connection:
        assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'later'").fetchall() == []
    connection.close()


def test_a_locked_gradebook_is_one_sentence(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        gradebook._connection.execute("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LabError, match="Another program"):
            gradebook.record(graded(make), content_hash="h")
        other.execute("ROLLBACK")
        other.close()
        gradebook.record(graded(make), content_hash="h")


def test_no_gradebook_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="There is no gradebook"):
        Gradebook.open(tmp_path)


def test_a_figure_that_is_no_number_is_refused(tmp_path: Path, make: Any) -> None:
    with Gradebook.open(tmp_path, create=True) as gradebook:
        with pytest.raises(ValueError, match="JSON"):
            gradebook.record(graded(make, seconds=float("nan")), content_hash="h")
        assert gradebook.all_latest() == []
