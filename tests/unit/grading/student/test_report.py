"""What a student reads after `lab check`."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from grading.student.checking import Outcome, Verdict
from grading.student.commands import status_of
from grading.student.report import show
from grading.verdicts import CheckResult
from lab.exercises import catalogue
from lab.exercises.own import posed
from lab.workspace.state import Workspace


def result(id_: str, verdict: str = "passed", **more: object) -> CheckResult:
    base = CheckResult(
        id_, id_.partition(".")[0], 1, "passed", 2.0 if verdict == "passed" else 0.0, 2.0, f"Title of {id_}"
    )
    return replace(base, verdict=verdict, **more)  # type: ignore[arg-type]


def outcome(*results: CheckResult, parents: tuple[Verdict, ...] = (), **more: object) -> Outcome:
    base = Outcome(
        catalogue.exercise("01"), tuple(Verdict(each, "01", "engine") for each in results), parents, 2.5,
        {"engine": "", "monitor": ""}, (), (), 0, "machine",
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def said(workspace: Workspace, shown: Outcome) -> str:
    out = Console(file=io.StringIO(), width=100, highlight=False)
    show(out, workspace, shown)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_all_passed(workspace: Workspace) -> None:
    shown = outcome(result("containers.starts"), result("control.start_returns"))
    text = said(workspace, shown)
    assert "01 A process in its own world: 4 of 4 points (2 of 2 checks passed, 2.5 s)" in text
    assert "\x1b" not in text and "✗" not in text and "lab list" in text
    assert status_of(shown) == 0


def test_a_failure_says_what_was_expected_and_seen_and_where_to_go_on(workspace: Workspace) -> None:
    failed = result(
        "containers.own_proc", "failed",
        rationale="Why it is so.", expected="a /proc of its own", actual="[red]the host's[/red] /submission/x",
    )  # fmt: skip
    text = said(workspace, outcome(result("containers.starts"), failed))
    for words in (
        "expected  a /proc of its own",
        "seen      [red]the host's[/red] x",
        "Why it is so.",
        "lab guide 01, “3. A /proc that tells of others”",
        "lab hint containers.own_proc",
        "2 of 4 points",
    ):
        assert words in text, words
    assert status_of(outcome(failed)) == 1


def test_what_no_hint_gives_a_section_for_is_explained_by_the_task(workspace: Workspace) -> None:
    failed = result("containers.made_up", "failed")
    assert "lab guide 01, “Your task”" in said(workspace, outcome(failed))


def test_a_parent_that_fails_is_named_with_its_exercise(workspace: Workspace) -> None:
    parent = Verdict(result("build.engine_builds", "failed", actual="make: error"), "00", "engine")
    skipped = result("containers.starts", "skipped", parent="build.engine_builds")
    text = said(workspace, outcome(skipped, parents=(parent,)))
    assert "00 build.engine_builds fails, on which this builds: lab check 00" in text
    assert "needs build.engine_builds" in text and "make: error" in text


def test_a_kernel_that_complains_is_explained(workspace: Workspace) -> None:
    broken = result(
        "containers.starts", "failed", kernel=("BUG: scheduling while atomic: engine/412/0x2", "CPU: 1")
    )
    text = said(workspace, outcome(broken, replaced=1))
    assert "BUG: scheduling while atomic" in text and "CPU: 1" not in text
    assert "that means Something that may sleep" in text and "The machine broke and was replaced" in text


def test_a_hidden_check_tells_nothing_more(workspace: Workspace) -> None:
    hidden = result(
        "containers.starts", "failed", hidden=True, expected="SECRET", actual="SECRET", rationale="SECRET"
    )
    shown = outcome(hidden)
    assert "SECRET" not in said(workspace, shown) and "SECRET" not in str(shown.to_json())


def test_tracebacks_and_compilers_are_the_students_own(workspace: Workspace) -> None:
    shown = outcome(
        result("containers.starts", "failed"),
        tracebacks=("Traceback (most recent call last):\nZeroDivisionError: division by zero",),
        built={
            "engine": "",
            "monitor": "$ make\n/submission/kernel/monitor.c:3:1: warning: unused [-Wunused]\nother",
        },
    )
    text = said(workspace, shown)
    assert "Your engine raised this:" in text and "ZeroDivisionError" in text
    assert "  kernel/monitor.c:3:1: warning: unused [-Wunused]\n" in text and "other" not in text


def test_an_answer_is_compared_with_what_the_checks_measured(workspace: Workspace) -> None:
    file = workspace.folder / "answers.toml"
    file.write_text(file.read_text().replace('share_measured = ""', "share_measured = 84"))
    scheduler = catalogue.exercise("08")
    near = outcome(result("scheduling.shares"), exercise=scheduler, measured={"share_fast": 86.0})
    assert "share_measured" not in said(workspace, near) and "1 of 5 questions" in said(workspace, near)
    far = replace(near, measured={"share_fast": 50.0})
    assert "share_measured: It may be 5 off." in said(workspace, far)


def test_whose_sheet_shows_anothers_order_is_told_the_own_one(workspace: Workspace) -> None:
    """The id in boxwright.toml was changed after the sheet was made: no letter in it can be relied on."""
    exercise = catalogue.exercise("05")
    shown = outcome(result("logs.whole"), exercise=exercise)
    assert "another id" not in said(workspace, shown)
    question = exercise.questions[2]
    mine = workspace.own(exercise).order(question)
    other = next(
        each
        for each in (replace(workspace, student=f"s{number}") for number in range(99))
        if each.own(exercise).order(question) != mine
    )
    text = said(other, shown)
    assert f"! {question.id}: answers.toml has the choices in the order of another id. Yours is:" in text
    for line in posed(exercise, question, other.own(exercise)).whole.splitlines()[1:]:
        assert f"    {line}\n" in text
    sheet = other.folder / "answers.toml"
    sheet.write_text("".join(line for line in sheet.read_text().splitlines(True) if not line.startswith("#")))
    assert "another id" not in said(other, shown), "whoever removed the questions is told nothing"


def test_what_could_not_be_decided_is_no_failure(workspace: Workspace) -> None:
    shown = outcome(result("containers.starts", "error"))
    assert "no fault of yours" in said(workspace, shown) and status_of(shown) == 2


@pytest.mark.parametrize("many", [4, 9])
def test_only_the_first_failures_are_told_at_length(workspace: Workspace, many: int) -> None:
    text = said(
        workspace, outcome(*(result(f"containers.c{at}", "failed", expected="x") for at in range(many)))
    )
    assert text.count("expected") == 3 and f"… and {many - 3} more" in text
