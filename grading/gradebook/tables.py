"""The tables of the gradebook, how an older file becomes a newer one, and what SQLite's errors mean.

`PRAGMA user_version` (sqlite.org/pragma.html) counts the migrations that a file has had. A released
migration is never changed; a change of the tables is a new one at the end.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lab.errors import LabError

APPLICATION = 0x42785772
"""`PRAGMA application_id`: "BxWr". Tells our files from other programs' databases."""

BUSY_SECONDS = 30.0
"""How long a writer waits for another process; a transaction takes milliseconds."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # A run of a class: what was asked for.
        """CREATE TABLE batch (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            folder TEXT NOT NULL,
            settings TEXT NOT NULL,
            started TEXT NOT NULL,
            ended TEXT)""",
        # Every result there ever was; the one with the highest id that is not partial counts.
        # Columns repeat what is asked for; `json` is the whole result, as `SubmissionResult.to_json`.
        """CREATE TABLE result (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            batch INTEGER REFERENCES batch(id),
            submission TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            checks_hash TEXT NOT NULL,
            image TEXT NOT NULL,
            kernel TEXT NOT NULL,
            level INTEGER NOT NULL,
            options TEXT NOT NULL,
            seed TEXT NOT NULL,
            started TEXT NOT NULL,
            recorded TEXT NOT NULL,
            finished INTEGER NOT NULL,
            partial INTEGER NOT NULL,
            score REAL NOT NULL,
            max_score REAL NOT NULL,
            json TEXT NOT NULL)""",
        "CREATE INDEX result_of ON result (submission, partial, id)",
        # What the instructor said, of a submission or of one student; the highest id counts.
        """CREATE TABLE adjustment (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('submission', 'student')),
            name TEXT NOT NULL,
            changed TEXT NOT NULL,
            json TEXT NOT NULL)""",
        "CREATE INDEX adjustment_of ON adjustment (kind, name, id)",
        # Of the class: 'roster', 'late rule', 'written'. As JSON.
        "CREATE TABLE setting (name TEXT PRIMARY KEY, json TEXT NOT NULL)",
    ),
)


class NotOurs(Exception):
    """The file is a database, and not a gradebook that this version can read; the text says why."""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, or bring an older one up to date; all in one transaction.

    Raises:
        NotOurs: it is of another program, or of a newer version of this one.
        sqlite3.Error: it is damaged, or cannot be written.
    """
    if _number(connection, "user_version") == len(MIGRATIONS) and _is_ours(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have done it while this one waited.
        version = _number(connection, "user_version")
        if not _is_ours(connection) and (version or _has_tables(connection)):
            raise NotOurs("is the database of another program")
        if version > len(MIGRATIONS):
            raise NotOurs("was written by a newer version of grade")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _is_ours(connection: sqlite3.Connection) -> bool:
    return _number(connection, "application_id") == APPLICATION


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def put(text: str) -> str | bytes:
    """As SQLite can hold it: text, or, where it is not valid Unicode, a BLOB."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def get(value: str | bytes) -> str:
    """What `put` made, as it was."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def sentence(path: Path, error: Exception) -> LabError:
    """What a failure means to the instructor."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if isinstance(error, NotOurs):
        return LabError(f"{path} {error}", "Name another folder with --results.")
    if isinstance(error, OSError):
        return LabError(f"{path} cannot be opened: {error.strerror or error}")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LabError(
            f"Another program has been holding the gradebook {path} for {BUSY_SECONDS:.0f} s",
            "Close it, and try again.",
        )
    if code == sqlite3.SQLITE_FULL:
        return LabError(f"The disk is full: {path} cannot grow", "Make room, and run it again.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LabError(
            f"The gradebook {path} cannot be written", "See to whom the file and its folder belong."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return LabError(
            f"{path} is not a gradebook", "Name another folder with --results, or move the file away."
        )
    return LabError(
        f"The gradebook {path} is damaged: {error}",
        "Bring it back from a backup, or move it away and grade again; `sqlite3 FILE .recover` saves what is left.",
    )
