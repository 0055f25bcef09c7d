"""The catalogue: what the folders of the exercises declare, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.exercises import catalogue
from lab.exercises.parameters import Numbers

GOOD = """
title = "A buffer"
points = 9.5
points_at_1 = 7
needs = ["04"]
minutes = 90

[parameters]
mib = { least = 2, most = 8 }

[[hints]]
for = "05.buffer"
nudge = "a"
pointer = "b"
nearly = "c"

[[questions]]
id = "how_much"
text = "How much is {{ mib }}?"
kind = "number"
answer = "{{ mib * 2 }}"
tolerance = "5 %"
points = 1

[[questions]]
id = "which"
text = "Which?"
kind = "choice"
choices = ["this", " that "]
answer = "that"
points = 1

[[rubric]]
id = "why"
text = "Why?"
points = 2
levels = ["0: no", "2: yes"]
"""

REGIONS = '[[regions]]\nname = "05.buffer"\nsummary = "keeps"\npython = "runtime/buffer.py"\n'


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name in ("04_control_socket", "05_bounded_buffer", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "04_control_socket" / "exercise.toml").write_text(
        'title = "A socket"\npoints = 1\nneeds = []\nminutes = 10\n'
    )
    write(tmp_path, GOOD, REGIONS)
    return tmp_path


def write(top: Path, toml: str, regions: str = REGIONS) -> None:
    (top / "05_bounded_buffer" / "exercise.toml").write_text(toml)
    (top / "05_bounded_buffer" / "regions.toml").write_text(regions)


def test_everything_is_read(top: Path) -> None:
    first, second = catalogue.exercises(top)
    assert (first.number, first.title, first.regions) == ("04", "A socket", ())
    assert (second.number, second.points, second.needs, second.minutes) == ("05", 9.5, ("04",), 90)
    assert (first.points_at_1, second.points_at_1) == (None, 7)
    assert second.parameters == {"mib": Numbers(2, 8)}
    assert second.hints[0].target == "05.buffer" and second.hints[0].nearly == "c"
    assert second.questions[0].answer == "{{ mib * 2 }}" and second.questions[0].tolerance == "5 %"
    assert (second.questions[1].choices, second.questions[1].answer) == (("this", "that"), "that")
    assert second.rubric[0].levels == ("0: no", "2: yes")
    [region] = second.regions
    assert region.exercise == "05" and region.files == {"python": "runtime/buffer.py"}
    assert region.stub_path("python") == top / "05_bounded_buffer" / "stubs" / "python" / "buffer.py"


OF_C = '\n[[hints]]\nfor = "05.buffer"\ntrack = "c"\nnearly = "d"\n'
OF_A_CHECK = '[[hints]]\nfor = "logs.kept"\nsection = "1. A"\nnudge = "a"\npointer = "b"\nnearly = "c"\n'


def test_a_track_says_otherwise_what_differs_in_it(top: Path) -> None:
    write(top, GOOD + OF_C + OF_A_CHECK + OF_C.replace("05.buffer", "logs.kept"))
    exercise = catalogue.exercise("05", top)

    def stages(target: str, track: catalogue.Track | None) -> tuple[str, str, str, str]:
        hint = exercise.hint(target, track)
        assert hint is not None
        return hint.nudge, hint.pointer, hint.nearly, hint.section

    for track in ("python", None):
        assert stages("05.buffer", track) == ("a", "b", "c", "")
    assert stages("05.buffer", "c") == ("a", "b", "d", "")
    assert stages("logs.kept", "c") == ("a", "b", "d", "1. A")
    assert exercise.hint("05.other", "c") is None


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (GOOD + OF_C + OF_C, "[[hints]] number 3: for: 05.buffer stands there twice"),
        (GOOD + OF_A_CHECK + OF_A_CHECK, "number 3: for: logs.kept stands there twice"),
        (GOOD.replace("05.buffer", "05.producer") + OF_C, "track: the hints for both tracks stand before"),
        (GOOD + OF_C.replace('"c"', '"java"'), "number 2: track: 'java' is none; there is python, c"),
        (GOOD + OF_C.replace('nearly = "d"\n', ""), "number 2: track: nothing is said for it"),
        (GOOD + OF_C.replace('"d"', '""'), "number 2: nearly: it is empty"),
        (GOOD + OF_C + 'section = "1. A"\n', "number 2: section: this key is not known here"),
        (GOOD + OF_A_CHECK.replace('"1. A"', '""'), "number 2: section: it is empty"),
    ],
)
def test_hints_of_a_track_that_make_no_sense_are_errors(toml: str, says: str, top: Path) -> None:
    write(top, toml)
    with pytest.raises(LabError) as caught:
        catalogue.exercises(top)
    assert says in str(caught.value)


def test_a_region_may_do_something_else_in_one_track(top: Path) -> None:
    write(top, GOOD, REGIONS + 'c = "engine/log.c"\nsummary_c = "rings"\n')
    [region] = catalogue.all_regions(top)
    assert [region.summary_in("python"), region.summary_in("c")] == ["keeps", "rings"]
    write(top, GOOD, REGIONS + 'c = "engine/log.c"\n')
    [region] = catalogue.all_regions(top)
    assert region.summary_in("c") == "keeps"


@pytest.mark.parametrize("text", ["5", "05", "05_bounded_buffer"])
def test_an_exercise_has_several_names(text: str, top: Path) -> None:
    assert catalogue.exercise(text, top).number == "05"


@pytest.mark.parametrize("text", ["", "6", "005", "bounded_buffer", "../05"])
def test_an_unknown_exercise_is_an_error(text: str, top: Path) -> None:
    with pytest.raises(LabError, match="There is no exercise"):
        catalogue.exercise(text, top)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "A buffer"', "", "title: it is missing"),
        ('title = "A buffer"', "title = 5", "title: it must be a text"),
        ("points = 9.5", 'points = "many"', "points: it must be a number"),
        ("points = 9.5", "points = -1", "points: -1 is not from 0 upwards"),
        ("minutes = 90", "minutes = 0", "minutes: 0 is not above 0"),
        ("minutes = 90", "minutes = true", "minutes: it must be a whole number"),
        ('needs = ["04"]', 'needs = ["05"]', "needs: '05' is no exercise before 05"),
        ('needs = ["04"]', "needs = [4]", "needs: it must be a list of texts"),
        ("most = 8", "most = 1", "parameter mib: least, most and step"),
        ('nudge = "a"', "", "[[hints]] number 1: nudge: it is missing"),
        ('nearly = "c"', 'nearly = "c"\nmore = "d"', "number 1: more: this key is not known here"),
        ('id = "how_much"', 'id = "How much"', "id: 'How much' is no id"),
        ('kind = "number"', 'kind = "essay"', "kind: 'essay' is none"),
        ('answer = "{{ mib * 2 }}"', "", "answer: a question has either"),
        ('tolerance = "5 %"', 'tolerance = "some"', "tolerance: 'some' is neither"),
        ('answer = "that"', 'answer = "b"', "answer: 'b' is none of the choices"),
        ('choices = ["this", " that "]', "", "choices: it is missing"),
        ('choices = ["this", " that "]', 'choices = "that"', "choices: it must be a list"),
        ('"this", " that "', '"that"', "choices: there are 1; from 2 to 8 have letters"),
        (
            '"this", " that "',
            '"1", "2", "3", "4", "5", "6", "7", "8", "that"',
            "choices: there are 9; from 2 to 8",
        ),
        ('"this", " that "', '" that", "that"', "choices: one of them stands there twice"),
        ('"this", " that "', '"that", " "', "choices: each is one line of text"),
        ('"this", " that "', '"that", "this\\nor"', "choices: each is one line of text"),
        (
            'tolerance = "5 %"',
            'choices = ["5", "6"]',
            "[[questions]] number 1: choices: this key is not known",
        ),
        ("minutes = 90", "minutes = 90\nsecret = 1", "secret: this key is not known here"),
        ("minutes = 90", "minutes = ", "is not valid TOML"),
        ("minutes = 90", f"minutes = {'9' * 5000}", "is not valid TOML"),
        ("minutes = 90", f"minutes = {'[' * 3000}", "is not valid TOML"),
    ],
)
def test_each_error_names_file_and_key(old: str, new: str, says: str, top: Path) -> None:
    assert old in GOOD
    write(top, GOOD.replace(old, new))
    with pytest.raises(LabError) as caught:
        catalogue.exercises(top)
    assert says in str(caught.value) and "05_bounded_buffer/exercise.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("regions", "says"),
    [
        (REGIONS.replace("05.buffer", "04.buffer"), "name: '04.buffer' is none for exercise 05"),
        (REGIONS.replace("05.buffer", "05.Buffer"), "name: '05.Buffer' is none"),
        (REGIONS * 2, "name: 05.buffer stands there twice"),
        (REGIONS.replace("python", "java"), "python: a region stands in at least one"),
        (REGIONS + 'java = "x"\n', "java: this key is not known here"),
        (REGIONS + 'summary_c = "x"\n', "summary_c: this key is not known here"),
        (REGIONS + 'summary_python = ""\n', "summary_python: it is empty"),
        ("", "regions: it is missing"),
    ],
)
def test_regions_that_make_no_sense_are_errors(regions: str, says: str, top: Path) -> None:
    write(top, GOOD, regions)
    with pytest.raises(LabError) as caught:
        catalogue.all_regions(top)
    assert says in str(caught.value) and "05_bounded_buffer/regions.toml" in str(caught.value)


def test_ids_that_stand_twice_and_equal_numbers_are_errors(top: Path) -> None:
    write(top, GOOD + GOOD[GOOD.index("[[rubric]]") :])
    with pytest.raises(LabError, match="rubric: why stands there twice"):
        catalogue.exercises(top)
    (top / "05_other").mkdir()
    with pytest.raises(LabError, match="have one number"):
        catalogue.folders(top)


def test_a_stub_that_is_missing_or_empty_is_an_error(top: Path) -> None:
    [region] = catalogue.all_regions(top)
    with pytest.raises(LabError, match=r"stubs/python/buffer\.py of region 05\.buffer cannot be read"):
        region.stub("python")
    region.stub_path("python").parent.mkdir(parents=True)
    region.stub_path("python").write_text("\n")
    with pytest.raises(LabError, match="is empty"):
        region.stub("python")
