"""The CSV files of experiments: written so that only whole repetitions are ever seen, read with suspicion.

The first line is `# boxwright-experiment` and JSON, the provenance; a comment for each column
follows, then the heading and the rows. Whatever reads CSV with comments reads it, as
`pandas.read_csv(path, comment="#")`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.experiments.kinds import KINDS
from lab.experiments.model import Column, Experiment, Kind, Provenance, Row
from lab.experiments.settings import shown

MARK = "# boxwright-experiment "
VERSION = 1
"""Of the files. Grows when a column is taken away or changes its meaning."""

MOST_BYTES = 64 << 20
"""A file that is larger is none of ours."""

REPETITION = Column("repetition", "which repetition the row belongs to, from 1", int)


class Store:
    """The file of one run: it grows by whole repetitions, and never takes the place of another file."""

    def __init__(self, folder: Path, provenance: Provenance) -> None:
        self.folder = folder
        self.provenance = provenance
        self.repetitions: list[Sequence[Row]] = []
        self.path: Path | None = None
        """None until the first repetition is in it."""

    @property
    def kept(self) -> str:
        """How many whole repetitions are where, as a clause; empty where there is none."""
        if self.path is None:
            return ""
        count = len(self.repetitions)
        return f"{count} whole {'repetition is' if count == 1 else 'repetitions are'} in {self.path}"

    def add(self, rows: Sequence[Row]) -> Experiment:
        """Put a repetition into the file, by a rename, and return the experiment so far.

        Raises:
            OSError: it cannot be written; the file is as it was before.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f".{self.provenance.kind}.{os.getpid()}.new"
        repetitions = [*self.repetitions, rows]
        try:
            new.write_text(text(self.provenance, repetitions), encoding="utf-8")
            if self.path is None:
                self.path = self._named(new)
            else:
                new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)
        self.repetitions = repetitions
        return Experiment(self.path, self.provenance, repetitions)

    def _named(self, new: Path) -> Path:
        """Give the new file a name that no file has.

        An empty file takes the name first, which fails where there is one. A link would do it in one step,
        and not on a stick or in a shared folder, which have none. Whoever is killed in between leaves a file
        without a byte, which `read` takes for no experiment.
        """
        began = datetime.fromisoformat(self.provenance.date)
        stem = f"{self.provenance.kind}-{began:%Y-%m-%d-%H%M%S}"
        for number in range(1, 1000):
            path = self.folder / f"{stem}{f'-{number}' if number > 1 else ''}.csv"
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                continue
            try:
                new.replace(path)
            except BaseException:
                if new.exists():  # or an interruption came when it had the name
                    path.unlink(missing_ok=True)
                raise
            return path
        raise LabError(f"{self.folder} is full of files {stem}-….csv", "Name another folder with -o.")


def text(provenance: Provenance, repetitions: Sequence[Sequence[Row]]) -> str:
    """The contents of a file."""
    columns = _columns(KINDS[provenance.kind])
    out = io.StringIO()
    out.write(MARK + json.dumps({"version": VERSION, **asdict(provenance)}) + "\n")
    for column in columns:
        out.write(f"# {column.name}: {column.text}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for number, rows in enumerate(repetitions, 1):
        for row in rows:
            writer.writerow([number, *("" if row[c.name] is None else row[c.name] for c in columns[1:])])
    return out.getvalue()


def read(path: Path) -> Experiment:
    """The experiment in a file.

    Raises:
        LabError: there is no such file, or it is no experiment; says what is wrong, and in which line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _none(path, f"it has more than {MOST_BYTES >> 20} MiB")
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # spreadsheets begin with a mark
    except FileNotFoundError:
        raise LabError(f"There is no file {path}", "`lab experiment run` makes one and says where.") from None
    except IsADirectoryError:
        raise LabError(
            f"{path} is a folder", f"Name the files in it: {shlex.quote(str(path))}/*.csv."
        ) from None
    except UnicodeDecodeError:
        raise _none(path, "it is no text") from None
    if not lines or not lines[0].startswith(MARK):
        raise _none(path, f"it does not begin with {MARK.strip()!r}")
    try:
        provenance = _provenance(json.loads(lines[0].removeprefix(MARK)))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _none(path, f"its first line cannot be read ({error!r})") from None
    except LabError as error:
        raise _none(path, f"its first line cannot be right: {error.what}") from None
    columns = _columns(KINDS[provenance.kind])
    repetitions: list[list[Row]] = []
    rows = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not rows or rows[0][1].split(",") != [column.name for column in columns]:
        raise _none(path, f"its columns are not those of the kind {provenance.kind}")
    for number, line in rows[1:]:
        try:
            row = _row(columns, next(csv.reader([line])))
            which = row.pop(REPETITION.name)
            if which == len(repetitions) + 1:
                repetitions.append([])
            elif which != len(repetitions):
                raise ValueError(f"repetition {which} after {len(repetitions)}")
            repetitions[-1].append(row)
        except (ValueError, csv.Error) as error:
            raise _none(path, f"line {number} cannot be read ({error})") from None
    if not repetitions:
        raise _none(path, "there is no repetition in it")
    together = KINDS[provenance.kind].together(provenance.parameters)
    for which, found in enumerate(repetitions, 1):
        if len(found) % together:
            raise _none(path, f"repetition {which} has {len(found)} rows, and {together} belong together")
    return Experiment(path, provenance, repetitions)


def _columns(kind: Kind) -> list[Column]:
    return [REPETITION, *kind.columns]


def _row(columns: Sequence[Column], fields: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, field in zip(columns, fields, strict=True):
        if field == "" and not column.needed:
            row[column.name] = None
            continue
        value = column.of(field)
        if column.of is not str and not column.least <= value < 2**63:  # no number of ours; also nan
            raise ValueError(f"{column.name} is {field[:40]}")
        row[column.name] = value
    return row


def _provenance(said: dict[str, Any]) -> Provenance:
    """From the JSON of the first line; parameters pass the same checks as on the command line."""
    if said["version"] != VERSION:
        raise ValueError(f"version {said['version']}, and {VERSION} is known")
    kind = KINDS[said["kind"]]
    values = {
        setting.key: setting.read(shown(_value(said["parameters"][setting.key]))) for setting in kind.settings
    }
    kind.check(values)
    for key in ("date", "kernel", "accelerator", "engine"):
        if not str(said[key]).isprintable():
            raise ValueError(f"{key} is {said[key]!r}")
    datetime.fromisoformat(said["date"])
    return Provenance(
        kind=kind.name,
        parameters=values,
        date=said["date"],
        kernel=str(said["kernel"]),
        accelerator=str(said["accelerator"]),
        processors=int(said["processors"]),
        engine=str(said["engine"]),
        repetitions=int(said["repetitions"]),
    )


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _none(path: Path, why: str) -> LabError:
    return LabError(f"{path} is no experiment: {why}", "`lab experiment run` makes such files.")
