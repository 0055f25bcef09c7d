"""Rules about an exercise's part in the sources: its regions, their stubs, and what a student begins with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading.author.rules import Held
from grading.author.subject import Subject
from lab.exercises import regions, starter
from lab.exercises.catalogue import Region

LONGEST = 60
"""Lines of a region; more is too much at once."""
BEGINNINGS = ("# ", "/*", "def ", "@")
"""Of a stub: a comment that says what comes in and what goes out, or a function, whose docstring does."""
COMMANDS = ("supervisor", "start", "run", "ps", "logs", "stop")
SECONDS = 60


def markers(subject: Subject) -> Iterator[str]:
    """Markers, `regions.toml` and stubs agree, in every track."""
    for track in starter.SOURCES:
        starter.check(track)
    yield from ()


def pieces(subject: Subject) -> Iterator[str]:
    """Regions are a piece of work each, and their stubs say what it is."""
    for region in subject.exercise.regions:
        for track, file in region.files.items():
            text = starter.SOURCES[track].place(file).read_text(encoding="utf-8")
            there = regions.find(text, file).get(region.name)
            if there is not None and there.end - there.begin > LONGEST:
                yield f"region {region.name} has {there.end - there.begin} lines; more than {LONGEST} are too much"
            if not region.stub(track).lstrip().startswith(BEGINNINGS):
                yield f"{region.stub_path(track)} does not begin with a comment: what comes in, what goes out?"


def beginning(subject: Subject) -> Iterator[str]:
    """What a student of the exercise begins with is a program: every module is imported, and usage answered."""
    number = subject.exercise.number

    def is_solved(region: Region) -> bool:
        return region.exercise < number

    with tempfile.TemporaryDirectory(prefix="boxwright-stage-") as name:
        top = Path(name)
        for path, content in starter.starter("python", is_solved).items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(content)
        runtime = top / "runtime"
        modules = [
            ".".join(path.relative_to(runtime).with_suffix("").parts)
            for path in sorted((runtime / "supervisor").rglob("*.py"))
            if path.name not in ("__main__.py", "zygote_main.py")
        ]
        done = _run(top, ["-W", "error", "-c", f"import {', '.join(modules)}"])
        if done.returncode:
            yield f"the starter of exercise {number} cannot be imported: {_last_line(done.stderr)}"
            return
        done = _run(top, ["engine"])
        missing = [word for word in COMMANDS if word not in done.stderr]
        if done.returncode == 0 or missing:
            said = _last_line(done.stderr)
            yield f"the engine of the starter of exercise {number} does not answer with its usage: {said}"


def _run(top: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=top / "runtime",
        env={**os.environ, "ENGINE_STATE": str(top / "state"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


RULES = (
    Held("markers, regions.toml and stubs agree", markers),
    Held("regions are pieces of work, and stubs say which", pieces),
    Held("what students begin with is a program", beginning),
)
"""As those of the module `rules`."""
