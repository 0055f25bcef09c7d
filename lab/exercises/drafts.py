"""Drafts of exercises, for their authors: a new folder with all that an exercise has, and regions in sources.

What is made passes `lab exercise check` as it is, and says `TODO` where only its author can go on.
All is made and looked at before anything is written, so that nothing half-made is ever there.
"""

from __future__ import annotations

import ast
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.exercises import catalogue, guides, regions, starter
from lab.exercises.catalogue import EXERCISES, FOLDER, Track
from lab.exercises.tables import WORD
from lab.files import drafted

TODO = "TODO"
"""Stands in drafts where their author goes on."""

_TABLE = "README.md"
"""Of the kit's exercises: what they are, and which of them teaches what."""
GROUP = "control"
"""Of the check in a draft; `grading.verdicts.GROUPS` has them all."""

_BEYOND = "### 5. Beyond the contract"

FIRST = "01"
"""The exercise on which a new one builds: from there on there are containers."""


@dataclass(frozen=True)
class Marked:
    """A region that was marked."""

    name: str
    source: Path
    stub: Path


def create(name: str, title: str, place: Path = EXERCISES) -> Path:
    """Make the folder of a new exercise.

    Args:
        name: `NN_word`, as `11_freezer`.
        title: as students read it; empty for one made of the name.
        place: the folder in which it is made: the kit's, or one of a course's own exercises.

    Returns:
        the folder.

    Raises:
        LabError: the name is none, its number is taken, or the place is no folder.
        OSError: this host cannot write there.
    """
    match = FOLDER.fullmatch(name)
    if match is None or not WORD.fullmatch(match[2]):
        raise LabError(
            f"{name!r} is no name of an exercise",
            "It is two digits, `_`, and words of small letters with `_` between them, as 11_freezer.",
        )
    if not place.is_dir():
        raise LabError(f"There is no folder {place}", "Make it, or name another with --in.")
    number, word = match.groups()
    there = {**catalogue.folders(place.absolute()), **catalogue.folders()}
    if number in there:
        free = next(each for each in (f"{at:02}" for at in range(100)) if each not in there)
        raise LabError(
            f"The number {number} is taken by {there[number]}", f"{free} is free; so is any after it."
        )
    if not title.isprintable():
        raise LabError(f"The title {title!r} has signs that cannot be seen", "Leave them out.")
    context = {
        "number": number,
        "word": word,
        "title": title.strip() or word.replace("_", " ").capitalize(),
        "group": GROUP,
        "needs": [FIRST] if number > FIRST else [],
    }
    files = {
        "exercise.toml": "exercise.toml.j2",
        guides.NAME: "guide.md.j2",
        "picture.svg": "picture.svg.j2",
        f"test_{word}.py": "test.py.j2",
    }
    folder = place / name
    listed = {place / _TABLE: _listed(place / _TABLE, context)} if place.absolute() == EXERCISES else {}
    with drafted(place, f".{name}-") as draft:
        for file, template in files.items():
            (draft / file).write_text(_rendered(template, context), encoding="utf-8")
        draft.rename(folder)
        _write_all(listed)
    return folder


def mark(name: str, source: str, summary: str, track: Track = "python", top: Path = EXERCISES) -> Marked:
    """Make some lines of the solution a region of an exercise, with a stub, a hint and a line in its guide.

    Args:
        name: `NN.word`.
        source: `FILE:FIRST-LAST`, the file from the top of the track's sources, and lines counted from 1.
        summary: what these lines do, as `holds all processes of a container`.
        track: whose sources.
        top: the folder of the exercises.

    Raises:
        LabError: there is no such exercise, file or line; the region is there already, or would lie
            across another one.
        OSError: this host cannot write there.
    """
    if not regions.NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is no name of a region", "It is the exercise's number and a word: 11.freeze."
        )
    folder = catalogue.folders(top)[catalogue.number_of(name[:2], top)]
    if name in {each.name for each in catalogue.all_regions(top)}:
        raise LabError(f"There is a region {name} already", "Take another word.")
    summary = summary.strip().rstrip(".")
    if not summary or not summary.isprintable():
        raise LabError(
            "A region needs a summary", "Say what these lines do: --summary 'holds all processes'."
        )
    file, first, last = _lines_named(source)
    if file not in starter.solution(track):
        raise LabError(f"{file} is none of the sources of the track {track}", "Name it from their top.")
    path = starter.SOURCES[track].place(file)
    # The module is the same in each.
    tracks = [each for each in catalogue.TRACKS if file in starter.solution(each)]
    suffix = ".py" if file.endswith(".py") else ".c"
    text = _rendered(f"stub{suffix}.j2", {"summary": f"{summary[0].upper()}{summary[1:]}."})
    marked = _with_markers(path.read_text(encoding="utf-8"), name, first, last, file)
    if suffix == ".py":
        _check_whole(regions.replace(marked, {name: text}, file), source)
    stub = folder / "stubs" / tracks[0] / f"{name[3:]}{suffix}"
    changed = {
        path: marked,
        stub: text,
        folder / "regions.toml": _appended(folder / "regions.toml", _region(name, summary, tracks, file)),
        folder / "exercise.toml": _appended(folder / "exercise.toml", _hint(name)),
        folder / guides.NAME: _with_task(folder / guides.NAME, name, summary),
    }
    stub.parent.mkdir(parents=True, exist_ok=True)
    _write_all(changed)
    return Marked(name, path, stub)


def todos(folder: Path) -> dict[Path, list[int]]:
    """Where in an exercise's folder its author has not gone on yet: lines counted from 1, by file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".toml", ".md", ".py", ".c", ".svg"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            if there := [at for at, line in enumerate(lines, 1) if TODO in line]:
                found[path] = there
    return found


def _lines_named(source: str) -> tuple[str, int, int]:
    match = re.fullmatch(r"([^:]+):(\d{1,6})-(\d{1,6})", source)
    if match is None or not 0 < int(match[2]) <= int(match[3]):
        raise LabError(
            f"{source!r} names no lines of a file",
            "Write FILE:FIRST-LAST, as runtime/supervisor/freezer.py:46-51.",
        )
    return match[1], int(match[2]), int(match[3])


def _with_markers(text: str, name: str, first: int, last: int, where: str) -> str:
    lines = text.splitlines(keepends=True)
    if last > len(lines):
        raise LabError(f"{where} has {len(lines)} lines, and no line {last}")
    block = [line for line in lines[first - 1 : last] if line.strip()]
    if not block:
        raise LabError(f"Lines {first} to {last} of {where} are empty", "Name those that students write.")
    indent = min((re.match(r"[ \t]*", line)[0] for line in block), key=len)  # type: ignore[index]
    begin, end = ("/* ", " */") if where.endswith((".c", ".h")) else ("# ", "")
    lines.insert(last, f"{indent}{begin}endregion {name}{end}\n")
    lines.insert(first - 1, f"{indent}{begin}region {name}{end}\n")
    marked = "".join(lines)
    regions.find(marked, where)
    return marked


def _check_whole(text: str, source: str) -> None:
    """Whether a program is left when the stub stands in the place of the lines."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise LabError(
            f"Without {source} what is left is no Python: {error.msg}, line {error.lineno}",
            "Name lines that are whole statements; `cat -n` numbers them.",
        ) from error


def _region(name: str, summary: str, tracks: Iterable[Track], file: str) -> str:
    where = "".join(f"{track} = {_toml(file)}\n" for track in tracks)
    return f'[[regions]]\nname = "{name}"\nsummary = {_toml(summary)}\n{where}'


def _hint(name: str) -> str:
    said = "\n".join(
        f'{key} = "{TODO}: {what}."'
        for key, what in (
            ("nudge", "a question that leads to the right place"),
            ("pointer", "the system call, the file, the section of the guide"),
            ("nearly", "nearly the line itself"),
        )
    )
    return f'[[hints]]\nfor = "{name}"\n{said}\n'


def _listed(path: Path, context: Mapping[str, object]) -> str:
    """The kit's table with the new exercise, and with a row for its check."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number, word = context["number"], context["word"]
    folders = [at for at, line in enumerate(lines) if re.match(r"\| \d\d \| `", line)]
    rows = [at for at, line in enumerate(lines) if re.match(r"\| \d\.\d+ \| ", line)]
    if not folders or not rows:
        raise LabError(f"{path} has lost its tables", "Put them back; `git diff` shows them.")
    last = max(rows)
    beyond = len([at for at in rows if lines[at].startswith("| 5.")])
    row = (
        f"| 5.{beyond + 1} | {TODO}: what is asked for, in a sentence | {number} "
        f"| `{GROUP}.{word}_tells_how_it_ended` |"
    )
    head = [] if beyond else ["", _BEYOND, "", "| | sentence | exercise | checks |", "|---|---|---|---|"]
    lines[last + 1 : last + 1] = [*head, row]
    lines.insert(
        max(folders) + 1, f"| {number} | `{number}_{word}` | {TODO}: what is built, in a few words |"
    )
    return "\n".join(lines) + "\n"


def _appended(path: Path, table: str) -> str:
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" if path.exists() else ""
    return before + table


def _with_task(path: Path, name: str, summary: str) -> str:
    """The guide with an item for the region at the end of the list of regions, or where that would begin."""
    lines = path.read_text(encoding="utf-8").splitlines()
    title = f"## {guides.TASK}"
    if title not in lines:
        raise LabError(f"{path} has no section {title!r}", "Put it back.")
    begin = lines.index(title)
    end = next((at for at in range(begin + 1, len(lines)) if lines[at].startswith("## ")), len(lines))
    item = f"- **{name}**: {summary}. {TODO}: what to think of."
    items = [at for at in range(begin, end) if re.match(r"(- |\d+\. )\*\*\d\d\.", lines[at])]
    if items:
        lines.insert(items[-1] + 1, item)
    else:
        text_ = next((at for at in range(begin + 1, end) if lines[at].strip()), begin)
        lines[text_ + 1 : text_ + 1] = ["", item]
    return "\n".join(lines) + "\n"


def _write_all(files: Mapping[Path, str]) -> None:
    """Write files beside their places first: what is refused then has changed nothing."""
    drafts: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
            drafts[path] = Path(draft)
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                opened.write(text)
            drafts[path].chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        for path, draft_path in drafts.items():
            draft_path.replace(path)
    finally:
        for draft_path in drafts.values():
            draft_path.unlink(missing_ok=True)


def _rendered(template: str, context: Mapping[str, object]) -> str:
    """A file of a draft. The signs differ from those that guides and `exercise.toml` use themselves."""
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True,
        variable_start_string="@{", variable_end_string="}", block_start_string="@%", block_end_string="%@",
        comment_start_string="@#", comment_end_string="#@",
    )  # fmt: skip
    environment.filters["toml"] = _toml
    text = resources.files("lab.exercises").joinpath("templates", template).read_text(encoding="utf-8")
    return environment.from_string(text).render(context)


def _toml(value: object) -> str:
    """A text, or a list of texts, as TOML."""
    return json.dumps(value, ensure_ascii=False)


def is_kits(place: Path) -> bool:
    """Whether exercises there are found without being named."""
    return place.absolute() in paths.exercises()
