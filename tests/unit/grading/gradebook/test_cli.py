"""`grade set`, `grade show` and `grade export` as an instructor types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from jsonschema import Draft202012Validator
from rich.console import Console
from typer.testing import CliRunner

from grading import cli_gradebook
from grading.cli_rubric import rubric
from grading.gradebook.feedback import feedback
from grading.gradebook.ledger import of
from grading.gradebook.marks import Written
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
    app.command("rubric")(rubric)
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


def written(**criteria: str) -> None:
    """As `grade run --course` leaves it."""
    with Gradebook.open(Path("results")) as gradebook:
        counted = {name.replace("_", ".", 1): Decimal(most) for name, most in criteria.items()}
        gradebook.set_written(Written("OS", counted, "2026-11-02T23:59:00+01:00"))


def test_points_of_a_rubric_need_no_maximum(grade: Grade) -> None:
    said = grade("set", "solo", "--points", "6.softirq=2").stdout
    assert "12 of 23" in said and "06.softirq: 2/3 points" in said
    assert marks(grade) == {("solo", ""): 12, ("team", ""): 10}
    grade("set", "solo", "--points", "06.softirq=3/3")
    assert marks(grade)["solo", ""] == 13
    grade("set", "solo", "--clear", "points:06.softirq")
    assert marks(grade)["solo", ""] == 10


def test_in_a_course_a_rubric_counts_what_the_course_says_from_the_beginning(grade: Grade) -> None:
    written(**{"06_softirq": "6", "07_overshoot": "4"})
    assert "10 of 30" in grade("show", "solo").stdout
    text = grade("show", "solo").stdout
    assert "06.softirq: not given yet" in text and "07.overshoot: not given yet" in text
    grade("set", "solo", "--points", "06.softirq=2")
    assert marks(grade)["solo", ""] == 14
    assert "06.softirq: 2/3 points, which count 4 of 6" in grade("show", "solo").stdout


def test_who_lacks_points_of_a_rubric(grade: Grade) -> None:
    grade("set", "solo", "--points", "06.softirq=2")
    text = grade("rubric", "6").stdout
    assert "06.softirq: 3 points" in text and "2: explains by current" in text
    assert "Without points: team." in text
    grade("set", "team", "--excused")
    assert "Nobody is without points." in grade("rubric", "06").stdout
    every = grade("rubric").stdout
    assert re.search(r"06\.softirq +3 +A monitor in the kernel +nobody", every)
    assert re.search(r"10\.walls +4 +Stronger walls +1", every)
    written(**{"06_softirq": "6"})
    assert "10.walls" not in grade("rubric").stdout
    assert "which count 6 in the course" in grade("rubric", "06").stdout
    [one] = json.loads(grade("rubric", "06", "--json").stdout)
    assert (one["criterion"], one["points"], one["counts"], one["without_points"]) == ("06.softirq", 3, 6, [])


def test_a_rubric_can_be_read_without_a_class(grade: Grade, tmp_path: Path) -> None:
    (tmp_path / "results").rename(tmp_path / "elsewhere")
    assert "Without points" not in grade("rubric", "06").stdout
    assert json.loads(grade("rubric", "--json").stdout)[0]["without_points"] is None


@pytest.mark.parametrize(
    ("moment", "points"),
    [
        ("2026-11-02T23:59:00+01:00", 10), ("2026-11-02T22:59:01Z", 8), ("2026-11-03T23:59", 8), ("2020-01-01", 10),
        ("2026-11-03T23:59:01", 6), ("2026-11-03T23:59+00:00", 6),
    ],
)  # fmt: skip
def test_lateness_follows_from_the_courses_deadline(grade: Grade, moment: str, points: float) -> None:
    written()
    grade("set", "--per-day", "10%")
    grade("set", "solo", "--handed-in", moment)
    assert marks(grade)["solo", ""] == points


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
    assert "Ann Lee; Bob Ray" in text
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
        ("set solo --points 06.softirq=4", r"06.softirq cannot have 4 points. There are 0 to 3"),
        ("set solo --points 06.softirq=-1", "cannot have -1 points"),
        ("set solo --points 06.softirq=2/4", "06.softirq is out of 3, not of 4"),
        ("set solo --points 06.softirk=2", "no criterion 'softirk'. It has 06.softirq"),
        ("set solo --points 44.softirq=2", "There is no exercise '44'"),
        ("set solo --handed-in 2026-11-03", "There is no deadline in this gradebook"),
        ("set solo --handed-in 2026-11-03 --late 2d", "Both --late and --handed-in"),
        ("rubric 44", "There is no exercise '44'"),
        ("rubric 06 --results elsewhere", "There is no gradebook in elsewhere"),
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


@pytest.mark.parametrize(
    "command",
    [
        "set nobody --late 2d --per-day 10%",
        "set nobody --roster roster.csv --remark x",
        "set --roster roster.csv --per-day 200%",
        "set solo --roster roster.csv --late 2d",
        "show nobody --roster roster.csv",
        "export -f canvas --roster roster.csv",
        "export -f moodle --roster roster.csv --worksheet none.csv",
    ],
)
def test_of_what_is_refused_nothing_is_kept(grade: Grade, tmp_path: Path, command: str) -> None:
    with pytest.raises(LabError):
        grade(*command.split())
    with Gradebook.open(tmp_path / "results") as gradebook:
        assert (gradebook.roster(), gradebook.late_rule(), gradebook.adjustments()) == ((), None, {})


def test_where_the_gradebook_is(grade: Grade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").rename(tmp_path / "other")
    assert "solo" in grade("show", "-r", "other").stdout
    assert "solo" in grade("show", "-r", "other/gradebook.sqlite").stdout
    monkeypatch.setenv("BOXWRIGHT_RESULTS", "other")
    assert "solo" in grade("show").stdout
    monkeypatch.delenv("BOXWRIGHT_RESULTS")
    monkeypatch.chdir(tmp_path / "other")
    assert "solo" in grade("show").stdout
