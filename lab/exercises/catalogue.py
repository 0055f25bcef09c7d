"""All exercises, read from the folders `exercises/NN_name` and checked: what an exercise declares of itself.

`exercise.toml` has title, points, needs, minutes, parameters, hints, questions and rubric;
`regions.toml` beside it has the regions. Two files, because two people write them: who writes
a guide need not know the sources, and whoever moves a region changes no text for students.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from lab import paths
from lab.errors import LabError
from lab.exercises import parameters, regions
from lab.exercises.measurements import MEASUREMENTS
from lab.exercises.parameters import Parameter
from lab.exercises.tables import Table, read

EXERCISES = paths.EXERCISES
FOLDER = re.compile(r"(\d\d)_([a-z_]+)")

Track = Literal["python", "c"]
"""In which language the engine is built; the monitor is in C in both."""
TRACKS: tuple[Track, ...] = get_args(Track)

QuestionKind = Literal["number", "word", "choice"]

LETTERS = "abcdefgh"
"""With which choices are answered; no question offers more."""


@dataclass(frozen=True)
class Region:
    """A part of the solution that students of an exercise write."""

    name: str
    summary: str
    """One sentence: what it does."""
    files: Mapping[Track, str]
    """Where it stands in each track that has it; relative to the top of the track."""
    folder: Path
    """The exercise's."""
    otherwise: Mapping[Track, str] = field(default_factory=dict)
    """What it does in a track in which that is something else than `summary` says."""

    @property
    def exercise(self) -> str:
        """The number of its exercise."""
        return self.name[:2]

    def summary_in(self, track: Track) -> str:
        """One sentence: what it does in this track."""
        return self.otherwise.get(track, self.summary)

    def stub_path(self, track: Track) -> Path:
        """Where its stub is: stubs/TRACK/WORD, with the suffix `.py` or `.c`.

        What several tracks have in the same file, as the module, has one stub: that of the first.
        """
        first = next(each for each in TRACKS if self.files.get(each) == self.files[track])
        suffix = ".py" if self.files[track].endswith(".py") else ".c"
        return self.folder / "stubs" / first / f"{self.name[3:]}{suffix}"

    def stub(self, track: Track) -> str:
        """What stands in its place at the beginning, at column 0.

        Raises:
            LabError: there is none, or it is empty.
        """
        path = self.stub_path(track)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LabError(
                f"The stub {path} of region {self.name} cannot be read: {error.strerror}"
            ) from error
        if not text.strip():
            raise LabError(f"The stub {path} is empty", "It says at least what comes in and what goes out.")
        return text


@dataclass(frozen=True)
class Hint:
    """Three hints, each saying more than the one before."""

    target: str
    """The id of a check, or the name of a region."""
    nudge: str
    pointer: str
    nearly: str
    section: str = ""
    """The heading in the guide that explains a check; empty for a region."""
    track: Track | None = None
    """In which track it takes the place of the one that is for both."""


@dataclass(frozen=True)
class Question:
    """A question that is answered in answers.toml."""

    id: str
    text: str
    kind: QuestionKind
    points: float
    answer: str = ""
    """Of this form for each student: a template with parameters; of a choice that one of `choices` which is
    right. Empty where the machine is measured."""
    measured: str = ""
    """The name of a measurement that the grader makes; a key of `MEASUREMENTS`."""
    tolerance: str = "0"
    """How far a number may be off: `5 %`, or a number."""
    choices: tuple[str, ...] = ()
    """What a choice offers, templates as well. Their letters are each student's own: `lab.exercises.own`."""


@dataclass(frozen=True)
class Criterion:
    """One criterion of the rubric for written work; a person gives the points."""

    id: str
    text: str
    points: float
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """One exercise."""

    number: str
    """Two digits."""
    folder: Path
    title: str
    points: float
    """Of all its checks, questions and criteria together."""
    needs: tuple[str, ...]
    """Numbers of those that come before it."""
    minutes: int
    """A student's time, estimated."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    hints: tuple[Hint, ...] = ()
    questions: tuple[Question, ...] = ()
    rubric: tuple[Criterion, ...] = ()
    regions: tuple[Region, ...] = ()
    points_at_1: float | None = None
    """The same as `points` without the checks of level 2; None where there are none of these."""

    def hint(self, target: str, track: Track | None = None) -> Hint | None:
        """What is said of a check or a region in a track; None where nobody wrote anything.

        Args:
            target: the id of the check, or the name of the region.
            track: None for what is said in both.
        """
        written = {each.track: each for each in self.hints if each.target == target}
        return written.get(track, written.get(None))


def folders(top: Path = EXERCISES) -> dict[str, Path]:
    """The folders of the exercises, by number, in order; beside the kit's those that `paths.exercises` knows.

    Raises:
        LabError: two have one number.
    """
    found: dict[str, Path] = {}
    for path in sorted(entry for place in paths.exercises(top) for entry in place.iterdir()):
        match = FOLDER.fullmatch(path.name)
        if match and path.is_dir():
            if match[1] in found:
                raise LabError(f"{found[match[1]]} and {path} have one number", "Rename one of them.")
            found[match[1]] = path
    return dict(sorted(found.items()))


def exercises(top: Path = EXERCISES) -> tuple[Exercise, ...]:
    """Every exercise, in order.

    Raises:
        LabError: a file is missing, or says something that makes no sense; it is named with its key.
    """
    found = folders(top)
    return tuple(_exercise(number, path, frozenset(found)) for number, path in found.items())


def exercise(number: str, top: Path = EXERCISES) -> Exercise:
    """One exercise, by its number, written `5` or `05`, or by its folder's name.

    Raises:
        LabError: there is none.
    """
    found = folders(top)
    wanted = number_of(number, top)
    return _exercise(wanted, found[wanted], frozenset(found))


def number_of(text: str, top: Path = EXERCISES) -> str:
    """The two digits of the exercise that a user means by `5`, `05` or `05_bounded_buffer`.

    Raises:
        LabError: there is none.
    """
    found = folders(top)
    for number, path in found.items():
        if text in (number, path.name, number.lstrip("0") or "0"):
            return number
    there = f"from {min(found)} to {max(found)}" if found else "of none"
    raise LabError(f"There is no exercise {text!r}", f"The exercises have numbers {there}.")


def all_regions(top: Path = EXERCISES) -> tuple[Region, ...]:
    """The regions of all exercises, in order; of the exercises' files only `regions.toml` is read.

    Raises:
        LabError: one of these files makes no sense.
    """
    return tuple(region for number, path in folders(top).items() for region in _regions(number, path))


def _regions(number: str, folder: Path) -> tuple[Region, ...]:
    path = folder / "regions.toml"
    if not path.exists():
        return ()  # as exercise 00, in which nothing is written
    file = read(path)
    found: dict[str, Region] = {}
    for table in file.tables("regions", optional=False):
        name = table.text("name")
        if not regions.NAME.fullmatch(name) or not name.startswith(f"{number}."):
            raise table.error("name", f"{name!r} is none for exercise {number}; it is {number}. and a word")
        if name in found:
            raise table.error("name", f"{name} stands there twice")
        where = {track: table.text(track) for track in TRACKS if table.has(track)}
        if not where:
            raise table.error("python", "a region stands in at least one track's sources")
        otherwise = {
            track: table.text(f"summary_{track}") for track in where if table.has(f"summary_{track}")
        }
        found[name] = Region(name, table.text("summary"), where, folder, otherwise)
        table.close()
    file.close()
    return tuple(found.values())


def _exercise(number: str, folder: Path, known: frozenset[str]) -> Exercise:
    file = read(folder / "exercise.toml")
    declared = file.table("parameters")
    needs = file.texts("needs")
    for need in needs:
        if need not in known or need >= number:
            raise file.error("needs", f"{need!r} is no exercise before {number}")
    made = Exercise(
        number=number,
        folder=folder,
        title=file.text("title"),
        points=file.number("points"),
        needs=needs,
        minutes=file.whole("minutes"),
        parameters={key: parameters.parse(key, value, file.where) for key, value in declared.items()},
        hints=_hints(file),
        questions=tuple(_question(table) for table in file.tables("questions")),
        rubric=tuple(_criterion(table) for table in file.tables("rubric")),
        regions=_regions(number, folder),
        points_at_1=file.number("points_at_1") if file.has("points_at_1") else None,
    )
    file.close()
    for what, ids in (
        ("questions", [each.id for each in made.questions]),
        ("rubric", [each.id for each in made.rubric]),
    ):
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise file.error(what, f"{twice[0]} stands there twice")
    return made


def _hints(file: Table) -> tuple[Hint, ...]:
    made: dict[tuple[str, Track | None], Hint] = {}
    for table in file.tables("hints"):
        target = table.text("for")
        hint = (
            _hint_of_a_track(table, made.get((target, None))) if table.has("track") else _hint(table, target)
        )
        if (target, hint.track) in made:
            raise table.error("for", f"{target} stands there twice")
        made[target, hint.track] = hint
        table.close()
    return tuple(made.values())


def _hint(table: Table, target: str) -> Hint:
    section = table.text("section") if table.has("section") else ""
    return Hint(target, table.text("nudge"), table.text("pointer"), table.text("nearly"), section)


def _hint_of_a_track(table: Table, common: Hint | None) -> Hint:
    """What is not said again is as in both tracks; the guide is one, and so is the section that explains."""
    named = table.text("track")
    track = next((each for each in TRACKS if each == named), None)
    if track is None:
        raise table.error("track", f"{named!r} is none; there is {', '.join(TRACKS)}")
    if common is None:
        raise table.error("track", "the hints for both tracks stand before those for one of them")
    said = {stage: table.text(stage) for stage in ("nudge", "pointer", "nearly") if table.has(stage)}
    if not said:
        raise table.error("track", "nothing is said for it; give a nudge, a pointer or nearly the line")
    return replace(common, track=track, **said)


def _question(table: Table) -> Question:
    kind = table.text("kind")
    if kind not in get_args(QuestionKind):
        raise table.error("kind", f"{kind!r} is none; there is {', '.join(get_args(QuestionKind))}")
    answer, measured = table.text("answer", "").strip(), table.text("measured", "")
    if bool(answer) == bool(measured):
        raise table.error("answer", "a question has either an `answer` or is `measured`")
    if measured and (measured not in MEASUREMENTS or kind != "number"):
        raise table.error(
            "measured", f"a number is measured, and it is one of {', '.join(MEASUREMENTS)}, not {measured!r}"
        )
    tolerance = table.scalar("tolerance", "0")
    if not re.fullmatch(r"\d+(\.\d+)?( ?%)?", tolerance):
        raise table.error("tolerance", f"{tolerance!r} is neither a number nor a percentage such as `5 %`")
    made = Question(
        id=table.word("id"), text=table.text("text").strip(), kind=kind,  # type: ignore[arg-type]
        points=table.number("points"), answer=answer, measured=measured, tolerance=tolerance,
        choices=_choices(table, answer) if kind == "choice" else (),
    )  # fmt: skip
    table.close()
    return made


def _choices(table: Table, answer: str) -> tuple[str, ...]:
    """What a question offers. The right one is named by its text: a letter or a number would be another's soon."""
    found = tuple(each.strip() for each in table.texts("choices"))
    if not 2 <= len(found) <= len(LETTERS):
        raise table.error("choices", f"there are {len(found)}; from 2 to {len(LETTERS)} have letters")
    if any(not each or "\n" in each for each in found):
        raise table.error("choices", "each is one line of text")
    if len(set(found)) < len(found):
        raise table.error("choices", "one of them stands there twice")
    if answer not in found:
        raise table.error("answer", f"{answer!r} is none of the choices; repeat the text of the right one")
    return found


def _criterion(table: Table) -> Criterion:
    made = Criterion(
        table.word("id"), table.text("text").strip(), table.number("points"), table.texts("levels")
    )
    table.close()
    return made
