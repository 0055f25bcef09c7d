"""`grade set`, `grade show` and `grade export` as an instructor types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from jsonschema import Draft202012Validator
from rich.console import Console
from typer.testing import CliRunner

from grading import cli_gradebook
from grading.gradebook.feedback import feedback
from grading.gradebook.ledger import of
from grading.gradebook.store import Gradebook
from lab import console
from lab.errors import LabError

ROSTER = "id,name,mail,folder\ns1,Ann Lee,ann@x.edu,team\ns2,Bob Ray,bob@x.edu,team\ns3,Cy Poe,cy@x.edu,\n"

Grade = Callable[..., Result]


@pytest.fixture
def grade(tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """The commands on a gradebook of two submissions, `team` and `solo`."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("set")(cli_gradebook.set_)
    app.command("show")(cli_gradebook.show_)
    app.command("export")(cli_gradebook.export)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOXWRIGHT_RESULTS", raising=False)
    monkeypatch.setattr(console, "out", Console(width=200, highlight=False))
    monkeypatch.setattr(console, "err", Console(width=200, highlight=False, stderr=True))
    with Gradebook.open(tmp_path / "results", create=True) as gradebook:
        for name in ("team", "solo"):
            failed = make.check(
                "two", "failed", expected="[bold]a[/bold]", actual="\x1b[2J[red]b", hint="flush"
            )
            gradebook.record(make.result(name, make.check("one"), failed), content_hash="h")
    (tmp_path / "roster.csv").write_text(ROSTER)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


def marks(grade: Grade) -> dict[tuple[str, str], float | None]:
    found = json.loads(grade("show", "--json").stdout)
    schema = json.loads((Path(cli_gradebook.__file__).parent / "schema.json").read_text())
    Draft202012Validator(schema).validate(found)
    return {
        (row["submission"], " ".join(student["id"] for student in row["students"])): row["mark"]["points"]
        for row in found["submissions"]
    }


def test_marks_are_set_for_a_team_and_for_one_of_it(grade: Grade) -> None:
    grade("set", "--per-day", "10%", "--cap", "3", "--roster", "roster.csv")
    assert (
        "1 day late: -2 points (10 % a day, at most 3 points)" in grade("set", "team", "--late", "20h").stdout
    )
    assert marks(grade) == {("team", "s1 s2"): 8, ("solo", ""): 10, ("", "s3"): None}
    grade("set", "BOB@x.edu", "--late", "0d", "--remark", "was ill")
    grade("set", "Cy Poe", "--excused")
    assert marks(grade) == {("team", "s1"): 8, ("team", "s2"): 10, ("solo", ""): 10, ("", "s3"): None}
    grade("set", "s2", "--clear", "all")
    assert marks(grade)["team", "s2"] == 8


def test_points_by_hand(grade: Grade) -> None:
    grade("set", "team", "--points", "report=8/10", "--points", "bonus=1.5", "--penalty", "0.25")
    assert marks(grade)["team", ""] == 19.25
    grade("set", "team", "--clear", "points:bonus", "--clear", "penalty", "--score", "20")
    assert marks(grade) == {("team", ""): 28, ("solo", ""): 10}


def test_a_submission_with_its_failures(grade: Grade) -> None:
    grade("set", "solo", "--remark", "See me.")
    text = grade("show", "solo").stdout
    for part in ("failed", "[bold]a[/bold]", "␛[2J[red]b", "flush", "10 of 20", "See me."):
        assert part in text
    assert "\x1b" not in text
    [one] = json.loads(grade("show", "solo", "--json").stdout)
    assert one["result"]["checks"][1]["actual"] == "\x1b[2J[red]b"


def test_what_is_noted_of_a_submission_is_shown(grade: Grade, make: Any) -> None:
    with Gradebook.open(Path("results")) as gradebook:
        gradebook.record(make.result("solo", notes=("Its \x1b[31mname",)), content_hash="h")
    assert "Its ␛[31mname" in grade("show", "solo").stdout
    with Gradebook.open(Path("results")) as gradebook:
        assert "Its ␛[31mname" in feedback(of(gradebook).rows_of("submission", "solo")[0])


def test_the_class(grade: Grade) -> None:
    text = grade("show", "--roster", "roster.csv").stdout
    assert "Ann Lee, Bob Ray" in text
    assert "'solo' is nobody's" in text


def test_older_results_are_told(grade: Grade, make: Any) -> None:
    with Gradebook.open(Path("results")) as gradebook:
        gradebook.record(make.result("solo", make.check("one")), content_hash="h")
    assert "before: 10/20" in grade("show", "solo").stdout


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("csv", "grades.csv"),
        ("json", "grades.json"),
        ("junit", "junit.xml"),
        ("canvas", "canvas.csv"),
        ("gradescope", "gradescope/team/results.json"),
        ("github-classroom", "github-classroom/solo/result.base64"),
    ],
)
def test_every_format(grade: Grade, tmp_path: Path, name: str, written: str) -> None:
    result = grade("export", "-f", name, "--roster", "roster.csv", "--assignment", "P")
    assert (tmp_path / written).is_file()
    assert "'solo' is nobody's" in result.stderr
    assert "Without a submission: Cy Poe." in result.stderr
    assert "nobody" not in result.stdout


def test_moodle(grade: Grade, tmp_path: Path) -> None:
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text('Identifier,"Full name",Grade,"Maximum grade"\n"Participant 7",solo,,100\n')
    grade("export", "-f", "moodle", "--worksheet", "worksheet.csv")
    assert (tmp_path / "moodle.csv").read_text() == worksheet.read_text().replace(",,", ",50,")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("set tema --excused", r"Nobody is called 'tema' in this gradebook. Is it team\?"),
        ("set solo --late 2d", "It is not said yet what lateness costs"),
        ("set solo --late 2w", "'2w' is no lateness"),
        ("set solo --points 8/10", "'8/10' names no points"),
        ("set solo --points report=11/10", "more than there is"),
        ("set solo --score 10/20", "has a maximum"),
        ("set solo --clear lateness", "'lateness' is nothing that can be set"),
        ("set solo --clear points:", "nothing that can be set"),
        ("set solo", "not said what to set for 'solo'"),
        ("set --excused", "not said whose mark"),
        ("set", "Nothing is set"),
        ("set --cap 3", "A cap needs something"),
        ("show nobody", "Nobody is called 'nobody'"),
        ("show --results elsewhere", "There is no gradebook in elsewhere"),
        ("export -f xls", "There is no format 'xls'. There is: canvas, moodle, "),
        ("export -f csv --out-of 0", "cannot be out of 0"),
        ("export -f moodle", "worksheet is missing"),
        ("export -f csv --roster none.csv", "none.csv cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(grade: Grade, command: str, sentence: str) -> None:
    with pytest.raises(LabError) as raised:
        grade(*command.split())
    assert re.search(sentence, str(raised.value)), str(raised.value)


def test_where_the_gradebook_is(grade: Grade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").rename(tmp_path / "other")
    assert "solo" in grade("show", "-r", "other").stdout
    assert "solo" in grade("show", "-r", "other/gradebook.sqlite").stdout
    monkeypatch.setenv("BOXWRIGHT_RESULTS", "other")
    assert "solo" in grade("show").stdout
    monkeypatch.delenv("BOXWRIGHT_RESULTS")
    monkeypatch.chdir(tmp_path / "other")
    assert "solo" in grade("show").stdout
