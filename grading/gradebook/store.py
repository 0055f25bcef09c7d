"""The gradebook: one SQLite file beside the results of a class, in which nothing is ever overwritten.

A result lands in one transaction, so a kill at any moment leaves all earlier ones and either the
whole of the new one or nothing of it. SQLite's rollback journal is used rather than WAL: writes are
few, it works on network file systems, and at rest the gradebook is one file that can be copied.
See sqlite.org/lockingv3.html and sqlite.org/wal.html ("Disadvantages").

A name with bytes that are not UTF-8 (Python's surrogate escapes) is kept as a BLOB, so that any
folder name on Linux comes back as it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from grading.gradebook.marks import Adjustments, LateRule, Whose, Written
from grading.gradebook.matching import same
from grading.gradebook.roster import Student
from grading.gradebook.tables import BUSY_SECONDS, NotOurs, get, prepare, put, sentence
from grading.verdicts import SubmissionResult, typed
from lab.errors import LabError

NAME = "gradebook.sqlite"
_ENTRY = "SELECT id, batch, submission, content_hash, options, recorded, finished, partial, json FROM result"


@dataclass(frozen=True)
class Entry:
    """A result in the gradebook, and what is known of how it came there."""

    number: int
    """Grows with each result recorded."""
    batch: int | None
    content_hash: str
    """Of the submission's files, as the caller of `record` computed it."""
    options: str
    """What the run was asked for beyond the defaults, such as `engine=reference`."""
    recorded: str
    """ISO 8601, UTC."""
    finished: bool
    """Grading the same files again with the same checks would tell nothing new."""
    partial: bool
    """Only some of the checks were run, so that it is no mark."""
    result: SubmissionResult


class Gradebook:
    """An open gradebook; may be used by several threads and processes at once. A context manager.

    Every method raises `LabError`, with one sentence, where the file is damaged, locked for too
    long, not writable, or the disk is full.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Gradebook:
        """Open the gradebook in a folder of results, or the file itself; make it where `create` says so.

        Raises:
            LabError: there is none, or what is there is not a gradebook.
        """
        path = folder if folder.is_file() else folder / NAME
        if not path.exists() and not create:
            raise LabError(
                f"There is no gradebook in {folder}",
                "Grade the class with `grade run`, or name the folder of its results with --results.",
            )
        connection = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite would make it readable for everybody; its journal has the file's mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            prepare(connection)
        except (OSError, NotOurs, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            raise sentence(path, error) from error
        return cls(path, connection)

    def close(self) -> None:
        """Close the file; the gradebook cannot be used any more."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for all that the block does: where it fails, nothing of it is kept."""
        with self._writing():
            yield

    # Runs of a class

    def begin_batch(self, folder: Path, settings: Mapping[str, Any]) -> int:
        """Note that a run of a class begins; its number goes with each `record`."""
        with self._writing() as connection:
            cursor = connection.execute(
                "INSERT INTO batch (folder, settings, started) VALUES (?, ?, ?)",
                (put(str(folder)), json.dumps(settings, default=str), _now()),
            )
            return int(cursor.lastrowid or 0)

    def end_batch(self, batch: int) -> None:
        """Note that a run came to its end. One that was stopped has no end."""
        with self._writing() as connection:
            connection.execute("UPDATE batch SET ended = ? WHERE id = ?", (_now(), batch))

    # Results

    def record(
        self,
        result: SubmissionResult,
        *,
        content_hash: str,
        options: str = "",
        partial: bool = False,
        finished: bool | None = None,
        batch: int | None = None,
    ) -> int:
        """Add a result; those that were there stay. Once it returns, the result is on disk.

        `finished` is, where it is not said, whether every check was decided and nothing was a
        `problem`: what is not finished is graded again when the run is resumed.

        Raises:
            ValueError: a figure in it is not finite, so that it could not be written as JSON.
        """
        text = json.dumps(result.to_json(), allow_nan=False)
        if finished is None:
            finished = not result.undecided and not result.problem
        row = {
            "batch": batch,
            "submission": put(result.submission),
            "content_hash": content_hash,
            "checks_hash": result.checks_hash,
            "image": result.image,
            "kernel": put(result.kernel),
            "level": result.level,
            "options": put(options),
            "seed": result.seed,
            "started": result.started,
            "recorded": _now(),
            "finished": finished,
            "partial": partial,
            "score": result.score,
            "max_score": result.max_score,
            "json": text,
        }
        marks = ", ".join(f":{name}" for name in row)
        with self._writing() as connection:
            cursor = connection.execute(f"INSERT INTO result ({', '.join(row)}) VALUES ({marks})", row)
            return int(cursor.lastrowid or 0)

    def finished(
        self,
        submission: str,
        *,
        content_hash: str,
        checks_hash: str,
        image: str,
        level: int,
        options: str = "",
    ) -> Entry | None:
        """The newest finished result of just these files with just these checks; None where there is none."""
        found = self._entries(
            "WHERE submission = ? AND content_hash = ? AND checks_hash = ? AND image = ? AND level = ?"
            " AND options = ? AND finished ORDER BY id DESC LIMIT 1",
            (put(submission), content_hash, checks_hash, image, level, put(options)),
        )
        return found[0] if found else None

    def latest(self, submission: str) -> Entry | None:
        """The result that counts for a submission: the newest that is not partial."""
        found = self._entries(
            "WHERE submission = ? AND NOT partial ORDER BY id DESC LIMIT 1", (put(submission),)
        )
        return found[0] if found else None

    def all_latest(self) -> list[Entry]:
        """The result that counts for each submission, in the order of their names."""
        found = self._entries(
            "WHERE id IN (SELECT max(id) FROM result WHERE NOT partial GROUP BY submission)", ()
        )
        return sorted(found, key=lambda entry: entry.result.submission)

    def history(self, submission: str) -> list[Entry]:
        """All results that a submission ever had, the newest first."""
        return self._entries("WHERE submission = ? ORDER BY id DESC", (put(submission),))

    # What the instructor says

    def adjustments(self) -> dict[tuple[Whose, str], Adjustments]:
        """What was set for submissions and students, by kind and name; kept on regrading."""
        rows = self._rows(
            "SELECT kind, name, json FROM adjustment WHERE id IN (SELECT max(id) FROM adjustment GROUP BY kind, name)"
        )
        with self._reading():
            return {(kind, get(name)): Adjustments.from_json(json.loads(text)) for kind, name, text in rows}

    def adjust(self, kind: Whose, name: str, change: Callable[[Adjustments], Adjustments]) -> Adjustments:
        """Change what is set for a submission or a student, and return it; the older state is kept."""
        with self._writing() as connection:
            row = connection.execute(
                "SELECT json FROM adjustment WHERE kind = ? AND name = ? ORDER BY id DESC LIMIT 1",
                (kind, put(name)),
            ).fetchone()
            with self._reading():
                old = Adjustments.from_json(json.loads(row[0])) if row else Adjustments()
            new = change(old)
            if new != old:
                connection.execute(
                    "INSERT INTO adjustment (kind, name, changed, json) VALUES (?, ?, ?, ?)",
                    (kind, put(name), _now(), json.dumps(new.to_json())),
                )
            return new

    def late_rule(self) -> LateRule | None:
        """What lateness costs in this class; None where nobody said it yet."""
        value = self._setting("late rule")
        with self._reading():
            return None if value is None else LateRule.from_json(value)

    def set_late_rule(self, rule: LateRule | None) -> None:
        """Say what lateness costs; it holds for all marks, old and new."""
        self._set("late rule", None if rule is None else rule.to_json())

    def written(self) -> Written:
        """What the course asks for in writing; nothing where the class was not graded as a course."""
        value = self._setting("written")
        with self._reading():
            return Written() if value is None else Written.from_json(value)

    def set_written(self, written: Written) -> None:
        """Keep it; it holds for all marks."""
        self._set("written", written.to_json())

    def roster(self) -> tuple[Student, ...]:
        """The students of the class, as they were last read; empty where no roster was given."""
        value = self._setting("roster")
        with self._reading():
            return tuple(typed(Student(**student)) for student in value or ())

    def set_roster(self, students: tuple[Student, ...]) -> None:
        """Keep the roster, so that it need not be named again; what was set for its students stays theirs."""
        set_ = self.adjustments()
        for before in self.roster():
            now = same(before, students)
            old = set_.get(("student", before.key))
            if old is not None and now is not None and ("student", now.key) not in set_:
                self.adjust("student", now.key, old.over)
        self._set("roster", [asdict(student) for student in students])

    # How all of it is read and written

    def _setting(self, name: str) -> Any:
        rows = self._rows("SELECT json FROM setting WHERE name = ?", (name,))
        with self._reading():
            return json.loads(rows[0][0]) if rows else None

    def _set(self, name: str, value: object) -> None:
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json",
                (name, json.dumps(value)),
            )

    def _entries(self, where: str, values: tuple[Any, ...]) -> list[Entry]:
        rows = self._rows(f"{_ENTRY} {where}", values)
        with self._reading():
            return [
                Entry(
                    number=number,
                    batch=batch,
                    content_hash=content_hash,
                    options=get(options),
                    recorded=recorded,
                    finished=bool(finished),
                    partial=bool(partial),
                    result=SubmissionResult.from_json(json.loads(text)),
                )
                for number, batch, _, content_hash, options, recorded, finished, partial, text in rows
            ]

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._reading():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what damage looks like into the one sentence."""
        try:
            yield
        except (
            sqlite3.Error,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise sentence(self.path, error) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block, or nothing of it."""
        with self._lock:
            if self._connection.in_transaction:  # that of `together`
                yield self._connection
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.rollback()
                    raise
            except sqlite3.Error as error:
                raise sentence(self.path, error) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
