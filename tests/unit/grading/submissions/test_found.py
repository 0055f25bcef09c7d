from __future__ import annotations

from pathlib import Path

import pytest

from grading.gradebook.store import Gradebook
from grading.pages.write import write_report
from grading.submissions import found
from lab.errors import LabError


def names(folder: Path) -> list[str]:
    return [submission.name for submission in found.find(folder)]


def test_folders_clones_and_archives(tmp_path: Path) -> None:
    (tmp_path / "bob" / "src").mkdir(parents=True)
    (tmp_path / "carol" / ".git").mkdir(parents=True)
    endings = ("zip", "tar", "tar.gz", "tgz", "tar.xz", "tar.bz2", "tar.zst", "rar", "7z", "ZIP")
    for number, ending in enumerate(endings):
        (tmp_path / f"doejane_{number}_12345_Container.v2.{ending}").touch()
    assert names(tmp_path) == ["bob", "carol", *(f"doejane_{n}_12345_Container.v2" for n in range(10))]


def test_rosters_and_hidden_files_are_left_aside(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    for name in (
        "roster.csv",
        "README.md",
        "grade.toml",
        "notes.txt",
        "results.json",
        ".DS_Store",
        "engine.pdf",
    ):
        (tmp_path / name).touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "bob.zip").touch()
    assert names(tmp_path) == ["alice", "bob"]
    assert found.left_aside(tmp_path) == [
        "README.md",
        "engine.pdf",
        "grade.toml",
        "notes.txt",
        "results.json",
        "roster.csv",
    ]


def test_a_loose_source_of_a_platform_makes_no_class_one_submission(tmp_path: Path) -> None:
    """Canvas and Moodle put a student's bare file beside the archives of the others."""
    for name in ("leeann_12345_67890_project.zip", "kimbo_12346_67891_work.tar.gz"):
        (tmp_path / name).touch()
    for name in ("leejo_12349_67899_engine.c", "Jo Lee_17_assignsubmission_file_engine.c"):
        (tmp_path / name).touch()
    assert names(tmp_path) == ["kimbo_12346_67891_work", "leeann_12345_67890_project"]
    assert found.left_aside(tmp_path) == [
        "Jo Lee_17_assignsubmission_file_engine.c",
        "leejo_12349_67899_engine.c",
    ]
    (tmp_path / "engine.c").touch()
    assert names(tmp_path) == [tmp_path.name], "this is what a submission holds"


def test_what_grading_left_in_a_classs_folder_is_no_submission(tmp_path: Path) -> None:
    """`cd class; grade run .; grade report .; grade run .`"""
    (tmp_path / "ann").mkdir()
    Gradebook.open(tmp_path / "results", create=True).close()
    write_report(tmp_path / "report", [], title="A class")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("somebody's own")
    assert names(tmp_path) == ["ann", "page"]
    assert found.left_aside(tmp_path) == ["report", "results"]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"holds no submission\. Put folders or archives into it"):
        found.find(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not exist"):
        found.find(tmp_path / "class")
    (tmp_path / "list.csv").touch()
    with pytest.raises(LabError, match="neither a folder nor an archive"):
        found.find(tmp_path / "list.csv")


def test_two_with_one_name(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice.zip").touch()
    with pytest.raises(LabError, match=r"alice and alice\.zip in .* would both be graded as alice"):
        found.find(tmp_path)


@pytest.mark.parametrize(
    "sign",
    ["engine.c", "Makefile", "submission.toml", "src/engine.c", "boilerplate/Makefile", "runtime/engine"],
)
def test_pointed_at_one_submission(sign: str, tmp_path: Path) -> None:
    path = tmp_path / "alice" / sign
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "alice" / "docs").mkdir()
    assert found.find(tmp_path / "alice") == [found.Submission("alice", tmp_path / "alice")]


def test_pointed_at_one_clone_or_archive(tmp_path: Path) -> None:
    (tmp_path / "alice" / ".git").mkdir(parents=True)
    (tmp_path / "alice" / "my work").mkdir()
    assert names(tmp_path / "alice") == ["alice"]
    (tmp_path / "bob.tar.gz").touch()
    assert names(tmp_path / "bob.tar.gz") == ["bob"]


def test_a_class_in_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "alice" / ".git").mkdir(parents=True)
    (tmp_path / "bob").mkdir()
    assert names(tmp_path) == ["alice", "bob"]


def test_a_link_that_leads_nowhere_is_not_dropped(tmp_path: Path) -> None:
    (tmp_path / "alice").symlink_to(tmp_path / "gone")
    assert names(tmp_path) == ["alice"]
