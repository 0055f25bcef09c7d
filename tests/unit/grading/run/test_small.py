"""What a run is made of: hashes, the catalogue of checks, places, names of machines, lines for people."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grading import cli_run, evidence
from grading.api.checks import MARK
from grading.api.expectations import Unmet
from grading.run import batch, catalogue, machines, show, skeleton
from grading.run.content import checks_hash, content_hash
from grading.run.job import REFERENCE, Job
from grading.run.places import places
from grading.run.single import Graded
from grading.submissions.starters import Starters
from grading.verdicts import CheckResult, SubmissionResult
from lab.errors import LabError
from tests.unit.grading.run.conftest import IDS, check, made_up_ground


@pytest.fixture(autouse=True)
def mark_is_known(pytestconfig: pytest.Config) -> None:
    """In `grade` itself nobody is strict about marks."""
    pytestconfig.addinivalue_line("markers", f"{MARK}(check): as the plugin says")


def hand_in(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "engine.c").write_text("int main(void) { return 0; }\n")
    (folder / "Makefile").write_text("all:\n")
    return folder


def test_equal_files_have_equal_hashes(tmp_path: Path) -> None:
    one, two = hand_in(tmp_path / "one"), hand_in(tmp_path / "two")
    os.utime(two / "Makefile", (0, 0))
    (two / ".git").mkdir()
    (two / ".git" / "index").write_text("changes at every look")
    assert content_hash(one) == content_hash(two)


@pytest.mark.parametrize("change", ["content", "name", "mode", "link", "more", "folder"])
def test_whatever_may_matter_changes_the_hash(tmp_path: Path, change: str) -> None:
    folder = hand_in(tmp_path / "one")
    before = content_hash(folder)
    makefile = folder / "Makefile"
    match change:
        case "content":
            makefile.write_text("alL:\n")
        case "name":
            makefile.rename(folder / "makefile")
        case "mode":
            makefile.chmod(0o755)
        case "link":
            (folder / "link").symlink_to("Makefile")
        case "more":
            (folder / "src" / "more.c").write_text("")
        case "folder":
            makefile.rename(folder / "src" / "Makefile")
    assert content_hash(folder) != before


def test_what_cannot_be_followed_or_read_stops_no_hash(tmp_path: Path) -> None:
    folder = hand_in(tmp_path / "one")
    (folder / "around").symlink_to(".")
    os.mkfifo(folder / "fifo")
    deep = folder
    for _ in range(60):
        deep /= "d" * 100
        os.mkdir(deep) if len(str(deep)) < 4000 else None  # noqa: PTH102 - as deep as a path may be
    assert len(content_hash(folder)) == 64


def test_a_folder_that_may_not_be_listed_stops_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hand_in(tmp_path / "one")
    whole, real = content_hash(folder), os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "src":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert content_hash(folder) != whole


def test_the_checks_hash_is_that_of_checks_and_api(tmp_path: Path) -> None:
    (tmp_path / "01").mkdir()
    (tmp_path / "01" / "test_a.py").write_text("a = 1\n")
    (tmp_path / "01" / "guide.md").write_text("read me")
    before = checks_hash(tmp_path)
    (tmp_path / "01" / "guide.md").write_text("read me again")
    assert checks_hash(tmp_path) == before
    (tmp_path / "01" / "test_a.py").write_text("a = 2\n")
    assert checks_hash(tmp_path) != before


CHECKS = (
    check("build.engine"),
    check("logs.whole", needs=("build.engine",)),
    check("logs.last", needs=("logs.whole",)),
)


@pytest.mark.parametrize(
    ("only", "start", "ids"),
    [
        (None, None, ()),
        ("logs", None, ("logs.whole", "logs.last")),
        ("logs.last, build.engine", None, ("build.engine", "logs.last")),
        (None, "logs", ("logs.whole", "logs.last")),
        (None, "logs.last", ("logs.last",)),
        ("build.engine,logs.last", "logs.whole", ("logs.last",)),
    ],
)
def test_only_and_from(only: str | None, start: str | None, ids: tuple[str, ...]) -> None:
    assert catalogue.chosen(CHECKS, only, start) == ids


@pytest.mark.parametrize(("only", "start"), [("log", None), (None, "x.y"), ("build", "logs"), (",", None)])
def test_only_and_from_that_mean_nothing(only: str | None, start: str | None) -> None:
    with pytest.raises(LabError):
        catalogue.chosen(CHECKS, only, start)


def test_a_check_with_its_parents() -> None:
    assert catalogue.with_parents(CHECKS, "logs.last") == ("build.engine", "logs.whole", "logs.last")
    other = replace(check("build.unloads", needs=("build.engine",)), otherwise=("logs.whole",))
    assert catalogue.with_parents((*CHECKS, other), other.id) == ("build.engine", other.id)
    assert catalogue.with_parents((*CHECKS, other), other.id, otherwise=True) == (
        "build.engine", "logs.whole", other.id,
    )  # fmt: skip


def test_all_checks_of_this_checkout_are_known() -> None:
    checks = catalogue.all_checks()
    ids = {each.id for each in checks}
    assert len(checks) >= 60
    assert all(need in ids for each in checks for need in each.needs)


def test_two_checks_of_one_name_are_refused(tmp_path: Path) -> None:
    text = 'from grading.api import check\n\n\n@check("logs")\ndef test_one(engine):\n    """It does."""\n'
    for name in ("01", "02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_it.py").write_text(text)
    with pytest.raises(LabError, match=r"logs\.one"):
        catalogue.all_checks(tmp_path)


def test_checks_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("1 / 0\n")
    with pytest.raises(LabError, match="ZeroDivisionError"):
        catalogue.all_checks(tmp_path)


def test_one_half_alone_has_its_own_checks() -> None:
    checks = (check("a.a", half="engine"), check("a.b", half="monitor"), check("a.c", half="both"))
    job = Job(source="/ann", engine=REFERENCE)
    assert [each.id for each in catalogue.wanted(job, checks)] == ["a.b", "a.c"]


@pytest.mark.parametrize(
    ("mib", "limit", "cores", "expected"),
    [
        (24000, "max", 2, 2),
        (24000, "max", 64, 18),
        (3200, "max", 8, 2),
        (900, "max", 8, 1),
        (24000, "3000", 8, 1),
    ],
)
def test_as_many_places_as_cores_and_memory_allow(
    tmp_path: Path, mib: int, limit: str, cores: int, expected: int
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable:   {mib * 1024} kB\n")
    (tmp_path / "memory.max").write_text("max" if limit == "max" else str(int(limit) << 20))
    (tmp_path / "memory.current").write_text("0\n")
    assert places(meminfo, tmp_path, cores) == expected


def test_places_without_a_control_group(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemAvailable: 8388608 kB\n")
    assert places(meminfo, tmp_path / "none", 2) == 2


def test_machines_of_killed_processes_go_and_others_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = machines.name(0)
    reused = f"grade-{os.getpid()}-1-0"  # of an earlier process with our pid
    for name in (mine, f"grade-{dead.pid}-123-0", reused, "default", "grade-x"):
        (tmp_path / "machines" / name).mkdir(parents=True)
        (tmp_path / "machines" / f"{name}.lock").touch()
    assert sorted(machines.sweep()) == sorted([f"grade-{dead.pid}-123-0", reused])
    assert {path.name for path in (tmp_path / "machines").iterdir() if path.is_dir()} == {
        mine,
        "default",
        "grade-x",
    }
    assert not (tmp_path / "machines" / f"{reused}.lock").exists()


def test_a_machines_name_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.machine.record import check_name

    monkeypatch.setattr(os, "getpid", lambda: 4194304)
    monkeypatch.setattr(machines, "_started", lambda pid: 99999999999)
    assert machines.NAME.fullmatch(check_name(machines.name(255)))


def test_the_skeleton_comes_as_it_was(tmp_path: Path) -> None:
    starters = Starters(frozenset(("a", "b")), frozenset((b"\x00\xff" * 4,)))
    skeleton.write(starters, tmp_path / "starters.json")
    job = Job(starters=str(tmp_path / "starters.json"), weak=("c",))
    assert skeleton.read(job) == Starters(starters.digests, starters.runs, frozenset(("c",)))
    assert skeleton.read(Job()) == Starters()


def test_a_job_comes_as_it_was(tmp_path: Path) -> None:
    job = Job(submission="ann é", source="/x", only=("a.b",), weak=("1",), seed="s", keep="a.b")
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


def result(name: str, *verdicts: str, problem: str = "") -> SubmissionResult:
    checks = tuple(
        CheckResult(id_, id_.partition(".")[0], 1, verdict, 2.0 if verdict == "passed" else 0, 2.0)  # type: ignore[arg-type]
        for id_, verdict in zip(IDS, verdicts, strict=False)
    )
    return SubmissionResult(name, checks, seconds=61.0, problem=problem)


def shown(*lines: SubmissionResult) -> str:
    out = StringIO()
    console = Console(file=out, width=200, color_system=None, highlight=False)
    with show.Shown(console) as told:
        told.begin([each.submission for each in lines], [], len(IDS))
        for each in lines:
            for one in each.checks:
                told.check(each.submission, one)
            told.ended(Graded(each, True))
    console.print(show.table(lines, console.width))
    return out.getvalue()


def test_on_a_narrow_terminal_names_stay_whole() -> None:
    name = "a-submission-with-a-long-name-2026"
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(show.table([result(name, "passed")], 80))
    assert name in out.getvalue() and "LOGS" not in out.getvalue()


def test_a_line_for_each_as_it_ends() -> None:
    text = shown(
        result("ann", "passed", "passed", "passed"),
        result("bob", "passed", "failed", "skipped"),
        result("[red]cid", "passed", "error", "passed"),
        result("dan", "failed", "skipped", "skipped", problem="dan: it is empty."),
    )
    lines = text.splitlines()
    assert "1/4 ann" in lines[1] and "6 of 6" in lines[1] and "all passed" in lines[1] and "61 s" in lines[1]
    assert "left" in lines[1]
    assert "2 of 6" in lines[2] and "failed: logs" in lines[2]
    assert "[red]cid" in lines[3] and "4 of 4" in lines[3] and "1 undecided" in lines[3]
    assert "it is empty" in lines[4] and "left" not in lines[4]
    assert any("BUILD" in line and "LOGS" in line for line in lines)


def test_what_was_refused_says_nothing_of_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(show.time, "monotonic", lambda: now)
    out = StringIO()
    with show.Shown(Console(file=out, width=200, color_system=None)) as told:
        told.begin(["ann", "bob", "cid", "dan"], [], len(IDS))
        assert out.getvalue() == "4 to grade; 3 checks each.\n"
        for name in ("cid", "dan"):
            refused = result(name, "failed", "skipped", "skipped", problem="It is empty.")
            told.ended(Graded(refused, True))
        assert "left" not in out.getvalue().replace("how long it takes shows soon", "")
        now = 60.0
        told.ended(Graded(result("ann", "passed", "passed", "passed"), True))
    assert "about 60 s left" in out.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 submissions were"), (1, "1 submission was"), (2, "2 submissions were")]
)
def test_who_stops_a_run_is_told_how_much_is_done(
    monkeypatch: pytest.MonkeyPatch, count: int, said: str
) -> None:
    def stopped(*_: object, watcher: show.Shown, **__: object) -> None:
        watcher.begin(["ann", "bob"], [], len(IDS))
        for name in ("ann", "bob")[:count]:
            watcher.ended(Graded(result(name, "passed"), True))
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", stopped)
    given: dict[str, Any] = dict.fromkeys(("wanted", "ground", "many"))
    with pytest.raises(LabError, match=f"^Stopped; {said} graded"):
        cli_run.carry_out(Path("class"), results=Path("results"), **given)


def test_who_could_not_be_decided_is_told_by_names_that_may_have_commas() -> None:
    found = [result("Lee, Ann", "error"), result("Ray, Bob", "error"), result("Poe, Cy", "passed")]
    with pytest.raises(
        LabError, match=r"^2 of 3 submissions have checks .* decided: Lee, Ann; Ray, Bob\. No point"
    ):
        cli_run.conclude(found, Path("results"), json_=False)
    with pytest.raises(LabError, match=r"^1 of 2 submissions has checks "):
        cli_run.conclude(found[1:], Path("results"), json_=False)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            Unmet("a line", "two", why="Logs are whole.", hint="Look at flush."),
            ["why: Logs are whole.", "expected: a line", "actual: two", "hint: Look at flush."],
        ),
        (Unmet("a line", ""), ["why: Because.", "expected: a line", "actual: nothing", "hint: fsync"]),
        (AssertionError("assert 1 == 2"), ["why: Because.", "actual: assert 1 == 2", "hint: fsync"]),
        (KeyError(), ["why: Because.", "actual: KeyError", "hint: fsync"]),
    ],
)
def test_a_failure_begins_with_what_a_reader_wants_to_know(
    tmp_path: Path, error: Exception, told: list[str]
) -> None:
    text = evidence.failure(check("logs.whole", hint="fsync"), error, "test_logs.py:7: in test_whole")
    evidence.keep(tmp_path / "logs.whole", None, text)
    assert (tmp_path / "logs.whole" / evidence.FAILURE).read_text().splitlines() == [
        "It does (logs.whole)", *told, "", "Where it was seen:", "test_logs.py:7: in test_whole",
    ]  # fmt: skip
    long = evidence.failure(check("logs.whole"), error, "x" * 2 * evidence.LONGEST)
    evidence.keep(tmp_path / "logs.whole", None, long)
    assert (tmp_path / "logs.whole" / evidence.FAILURE).read_text().startswith("It does (logs.whole)\n")


def test_a_transcript_is_cut_and_asks_nobody() -> None:
    class Program:
        words = ("engine", "run", "a b")
        pid, began, finished = 7, 1.5, None

        def peek(self) -> bytes:
            return b"x" * 5000 + b"\xff"

    text = evidence.transcript([Program()])  # type: ignore[list-item]
    assert '["engine", "run", "a b"] → runs' in text
    assert "bytes left out" in text and len(text) < 2500 and "\\xff" in text


def test_the_ground_of_these_tests_is_whole() -> None:
    assert [each.id for each in made_up_ground().checks] == list(IDS)
