"""The command `grade report`."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from grading.cli_report import report
from grading.gradebook.marks import Adjustments
from grading.gradebook.store import Gradebook
from grading.verdicts import CheckResult, SubmissionResult
from lab.errors import LabError

APP = typer.Typer()
APP.command()(report)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(APP, [str(each) for each in arguments])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A gradebook in which one of two submissions was graded twice."""
    folder = tmp_path / "operating-systems/results"
    with Gradebook.open(folder, create=True) as gradebook:
        for name, points in (("ada", 0.0), ("bob", 1.0), ("ada", 1.0)):
            check = CheckResult(
                "build.it", "build", 1, "passed" if points else "failed", points, 1.0, title="It builds"
            )
            gradebook.record(SubmissionResult(name, (check,)), content_hash=name)
        gradebook.adjust("submission", "bob", lambda old: Adjustments(remark="Well done."))
    return folder


def test_the_newest_result_of_each_and_what_was_set(results: Path, tmp_path: Path) -> None:
    done = run("--results", results, "-o", tmp_path / "pages")
    assert done.exit_code == 0, done.output
    assert done.output == f"2 submissions: {tmp_path / 'pages/index.html'}\n"
    index = (tmp_path / "pages/index.html").read_text()
    assert "<title>operating-systems: 2 submissions</title>" in index
    assert "1 of 1 points" in (tmp_path / "pages/students/ada.html").read_text()
    assert "Well done." in (tmp_path / "pages/students/bob.html").read_text()
    assert "Similar" not in index


def test_a_class_of_one_is_one_submission(tmp_path: Path) -> None:
    with Gradebook.open(tmp_path / "results", create=True) as gradebook:
        gradebook.record(SubmissionResult("ada", ()), content_hash="h")
    done = run("--results", tmp_path / "results", "-o", tmp_path / "pages")
    assert done.output == f"1 submission: {tmp_path / 'pages/index.html'}\n"


def test_with_the_submissions_they_are_compared(results: Path, tmp_path: Path) -> None:
    work = "".join(
        f"int f{n}(int a) {{ if (a {sign} {n}) return a {sign} {n} {sign} f{n}(a - 1) % 7; return a; }}\n"
        for n, sign in enumerate("+-*/%&|^<>")
    )
    for name in ("ada", "bob"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "engine.c").write_text(work.replace("a", name))
    done = run(tmp_path / "class", "--results", results, "-o", tmp_path / "pages", "--title", "Our <class>")
    assert done.exit_code == 0, done.output
    index = (tmp_path / "pages/index.html").read_text()
    assert "Our &lt;class&gt;" in index
    assert "Similar submissions" in index and "return ada" in index and "return bob" in index


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--results", "nowhere"), "no gradebook"),
        (("--starter", "."), "no submissions"),
        (("no-class",), "does not exist"),
        (("-o", "."), "something else than a report"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    results: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(results.parent)
    done = run(*arguments)
    assert isinstance(done.exception, LabError) and words in str(done.exception)
    assert [path.name for path in results.parent.iterdir()] == ["results"]


def test_a_gradebook_without_results(tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "results", create=True).close()
    done = run("--results", tmp_path / "results", "-o", tmp_path / "pages")
    assert isinstance(done.exception, LabError) and "holds no result yet" in str(done.exception)
