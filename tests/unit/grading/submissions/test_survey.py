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


def test_what_may_not_be_read_costs_only_itself(tmp_path: Path, nobody: Path) -> None:
    for name in ("ann", "bob"):
        (nobody / name).mkdir()
        (nobody / name / "engine.c").write_text(SKELETON)
    (nobody / "cid.zip").write_bytes(b"PK")
    (nobody / "bob").chmod(0)
    (nobody / "cid.zip").chmod(0)
    try:
        seen = survey(find(nobody), nobody / ".work")
    finally:
        (nobody / "bob").chmod(0o700)
    assert sorted(seen.sources) == ["ann"] and seen.problems == {}
    assert seen.unreadable == {
        "bob": f"{nobody / 'bob'} cannot be read: Permission denied",
        "cid": f"{nobody / 'cid.zip'} cannot be read: Permission denied",
    }


def test_tokens_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "class" / "alice").mkdir(parents=True)
    (tmp_path / "class" / "alice" / "e.c").write_text(SKELETON)
    (source,) = survey(find(tmp_path / "class"), tmp_path / "work").sources["alice"]
    assert "tokens" not in vars(source) and len(source.tokens) > 40
