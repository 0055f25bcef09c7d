from __future__ import annotations

from pathlib import Path

from grading.submissions.found import find
from grading.submissions.survey import survey

SKELETON = "int main(int argc, char **argv) { " + "argc = argc * 2 + argc / 3 - 1; " * 5 + "return argc; }"


def test_a_class_with_a_broken_archive_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for number in range(5):
        path = folder / f"s{number}" / "engine.c"
        path.parent.mkdir(parents=True)
        path.write_text(SKELETON if number else "int own;")
    (folder / "broken.zip").write_bytes(b"PK\3\4")
    (folder / "empty").mkdir()
    told: list[str] = []
    seen = survey(find(folder), tmp_path / "work", done=told.append)
    assert sorted(seen.problems) == ["broken", "empty"]
    assert seen.problems["broken"].startswith("broken: the archive broken.zip is damaged")
    assert sorted(seen.sources) == [f"s{n}" for n in range(5)]
    assert told == ["broken", "empty", "s0", "s1", "s2", "s3", "s4"]
    assert seen.starters("s0").untouched(seen.sources["s1"][0])
    assert not seen.starters("s0").untouched(seen.sources["s0"][0])
    assert list((tmp_path / "work").iterdir()) == []


def test_the_starter_that_the_instructor_names(tmp_path: Path) -> None:
    starter = tmp_path / "starter"
    starter.mkdir()
    (starter / "engine.c").write_text(SKELETON)
    (tmp_path / "class" / "alice").mkdir(parents=True)
    (tmp_path / "class" / "alice" / "e.c").write_text(SKELETON)
    seen = survey(find(tmp_path / "class"), tmp_path / "work", starter=starter)
    assert seen.starters("alice").untouched(seen.sources["alice"][0])
