"""The folder that a report is."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.pages import write
from grading.pages.write import check_folder, write_report
from grading.verdicts import CheckResult, SubmissionResult
from lab.errors import LabError

CHECK = CheckResult("build.it", "build", 1, "passed", 1.0, 1.0, title="It builds")


def result(name: str) -> SubmissionResult:
    return SubmissionResult(name, (CHECK,))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_page_for_the_class_and_two_for_each(tmp_path: Path) -> None:
    index = write_report(tmp_path / "r", [result("ada"), result("bob")], title="c")
    assert index == tmp_path / "r/index.html"
    assert files(tmp_path) == {
        "r/index.html", "r/students/ada.html", "r/students/bob.html", "r/instructor/ada.html", "r/instructor/bob.html",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["../../up", "/etc/x", "..", "a/b", "index", "\udcff", "x" * 400, ""])
def test_no_name_writes_elsewhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep/er"
    folder.mkdir(parents=True)
    write_report(folder / "r", [result(name), result("ada")], title="c")
    assert len(files(tmp_path)) == 5
    assert all(
        each.startswith(("deep/er/r/index.html", "deep/er/r/students/", "deep/er/r/instructor/"))
        for each in files(tmp_path)
    )


def test_a_report_is_replaced_whole(tmp_path: Path) -> None:
    write_report(tmp_path / "r", [result("ada")], title="c")
    write_report(tmp_path / "r", [result("bob")], title="c")
    assert files(tmp_path) == {"r/index.html", "r/students/bob.html", "r/instructor/bob.html"}


def test_one_that_fails_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path / "r", [result("ada")], title="c")

    def full(*arguments: object, **more: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "class_page", full)
    with pytest.raises(OSError, match="No space"):
        write_report(tmp_path / "r", [result("bob")], title="c")
    assert files(tmp_path) == {"r/index.html", "r/students/ada.html", "r/instructor/ada.html"}
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_what_is_not_a_report_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/index.html").write_text("my own page")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name, words in (
        ("work", "something else"),
        ("file", "not a folder"),
        ("link", "not a folder"),
        ("no/where", "no folder"),
    ):
        with pytest.raises(LabError, match=words):
            check_folder(tmp_path / name)
    assert (tmp_path / "work/index.html").read_text() == "my own page"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    assert write_report(tmp_path / "r", [result("ada")], title="c").is_file()


def test_two_results_of_one_submission_are_a_mistake_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two results"):
        write_report(tmp_path / "r", [result("ada"), result("ada")], title="c")
    assert list(tmp_path.iterdir()) == []


def test_marks_are_for_the_owner_only(tmp_path: Path) -> None:
    write_report(tmp_path / "r", [result("ada")], title="c")
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o700
