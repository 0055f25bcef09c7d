"""The hints of the kit's exercises: for what each track has, and in the words of that track."""

from __future__ import annotations

import re
from functools import cache

import pytest

from grading.run.catalogue import all_checks
from lab.exercises import catalogue, starter
from lab.exercises.catalogue import TRACKS, Exercise, Hint, Track

NUMBERS = list(catalogue.folders())

REGION = re.compile(r"\b\d\d\.[a-z][a-z_]+")
NAME = re.compile(r"\b([a-z][a-z_0-9]+)\(\)|->([a-z_]+)|\b([A-Z][A-Z0-9]+_[A-Z0-9_]+\b)(?!…)")
"""A function, a member of a structure, a constant, as hints write them."""
ELSEWHERE = frozenset({"CAP_SYS_NICE", "CLD_DUMPED", "CLD_KILLED", "F_SETLKW"})
"""Names of C that hints may say, though the engine has no use for them."""
OF_PYTHON = (
    "Python",
    "worker",
    "zygote",
    "OSError",
    "LookupError",
    "daemon thread",
    "sigwait",
    "EWOULDBLOCK",
    "lock of the table",
)
"""What there is none of in the C track."""


@cache
def exercise(number: str) -> Exercise:
    return catalogue.exercise(number)


@cache
def checks(number: str) -> frozenset[str]:
    return frozenset(check.id for check in all_checks(exercise(number).folder))


def regions(number: str, track: Track) -> set[str]:
    return {region.name for region in exercise(number).regions if track in region.files}


def hint(number: str, target: str, track: Track) -> Hint:
    found = exercise(number).hint(target, track)
    assert found is not None, f"{target} has no hint in the track {track}"
    return found


def words(said: Hint) -> str:
    return "\n".join((said.nudge, said.pointer, said.nearly))


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("number", NUMBERS)
def test_each_region_and_each_check_of_a_track_has_a_hint_of_three_stages(number: str, track: Track) -> None:
    for target in regions(number, track) | checks(number):
        said = hint(number, target, track)
        assert all(stage.strip() for stage in (said.nudge, said.pointer, said.nearly)), target


@pytest.mark.parametrize("number", NUMBERS)
def test_no_hint_is_for_what_no_track_has(number: str) -> None:
    for said in exercise(number).hints:
        tracks = TRACKS if said.track is None else (said.track,)
        there = checks(number).union(*(regions(number, track) for track in tracks))
        assert said.target in there, f"{said.target} ({said.track or 'both tracks'})"


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_region_that_a_hint_names_is_one_of_the_track(number: str, track: Track) -> None:
    everywhere = {name for each in NUMBERS for name in regions(each, track)}
    for target in regions(number, track) | checks(number):
        assert set(REGION.findall(words(hint(number, target, track)))) <= everywhere, target


@pytest.mark.parametrize("number", NUMBERS)
def test_a_hint_of_the_c_track_names_what_its_sources_have(number: str) -> None:
    sources = "\n".join(
        content.decode() for name, content in starter.solution("c").items() if name.endswith((".c", ".h"))
    )
    there = set(re.findall(r"\w+", sources)) | ELSEWHERE
    for said in exercise(number).hints:
        if said.track == "c":
            named = {name for found in NAME.findall(words(said)) for name in found if name}
            assert named <= there, f"{said.target}: {', '.join(sorted(named - there))}"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_hint_of_the_c_track_does_not_speak_of_the_other(number: str) -> None:
    for target in regions(number, "c") | checks(number):
        text = words(hint(number, target, "c"))
        assert not [word for word in OF_PYTHON if word in text], target
