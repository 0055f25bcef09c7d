"""The command `grade run`: a class, or one submission, in fresh VMs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from grading.cli_gradebook import RosterOption, results_folder
from lab import console
from lab.cli_options import JsonOption
from lab.errors import LabError

if TYPE_CHECKING:
    from types import FrameType

    from grading.api.checks import Check
    from grading.run.batch import Many, Settings
    from grading.run.coursework import Coursework
    from grading.run.single import Ground
    from grading.verdicts import SubmissionResult

LevelOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2,
        show_default="the course's; else 2 for workspaces of this kit, 1 for others",
        help="1: what the course asks, with tolerance. 2: the whole contract, exactly.",
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="PATH|reference",
        help="Where the engine is within each submission; `reference`: grade the monitor with ours as the engine.",
    ),
]
MonitorOption = Annotated[
    str | None,
    typer.Option("--monitor", metavar="PATH|reference", help="The same for the kernel monitor."),
]
OnlyOption = Annotated[
    str | None, typer.Option("--only", metavar="LIST", help="Checks or groups of them, with commas between.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="CHECK", help="This check, or group, and all after it.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="RESULTS",
        help="Folder for the gradebook and what is kept of failures; BOXWRIGHT_RESULTS, or else results/.",
    ),
]


def run(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Submissions: a folder or an archive each. Or one submission itself."
        ),
    ],
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, max=256, help="VMs at once; as cores and memory allow if none."),
    ] = None,
    level: LevelOption = None,
    course: Annotated[
        Path | None,
        typer.Option(
            metavar="COURSE.toml",
            help="Grade for a course: its exercises, points, hidden checks and level, and the answers in answers.toml.",
        ),
    ] = None,
    exercises: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Of the course, only these: 01-03, or 01,05; as for one hand-in."),
    ] = None,
    as_student: Annotated[
        bool,
        typer.Option(
            "--as-student",
            help="As students check themselves on a push: without hidden checks, without what the course does "
            "not tell at once of answers, and believing boxwright.toml. Ends with 1 where something did not pass.",
        ),
    ] = False,
    roster: RosterOption = None,
    engine: EngineOption = None,
    monitor: MonitorOption = None,
    starter: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The skeleton that students were given, where the class does not show it."
        ),
    ] = None,
    only: OnlyOption = None,
    from_: FromOption = None,
    again: Annotated[bool, typer.Option("--again", help="Grade also what is done already.")] = False,
    suite: Annotated[str | None, typer.Option(help="The guest's release: trixie, …")] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|local",
            help="Grade on Dask workers: tcp://HOST:PORT of their scheduler, or `local` for a cluster of "
            "processes on this host. Whoever reaches a scheduler can run programs on its workers.",
        ),
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Repeat the names and numbers of an earlier run.")
    ] = None,
    json_: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """Grade submissions, each in a fresh VM of its own without a network.

    It may be stopped with Ctrl-C, and goes on from there when it is called again: what is done, with the
    same files, checks and options, is not done again. Each result goes into the gradebook as it comes;
    `grade show`, `grade set`, `grade report` and `grade export` go on from there.
    """
    from grading import cli_course
    from grading.run.dask_client import LOCAL
    from grading.run.preparation import without_machine
    from grading.submissions.found import find, left_aside
    from grading.submissions.starters import of_folder

    if jobs is not None and dask not in (None, LOCAL):
        raise LabError(
            "--jobs is for this host, and Dask's workers have their own number", "Start them with --nthreads."
        )
    # All that can be wrong with what was typed is told before an image is built, which takes minutes.
    results = results_folder(output)
    chosen = cli_course.chosen(course, exercises, as_student=as_student)
    level = level or (chosen.level if chosen else 0)
    checks = without_machine().checks
    wanted = settings(
        checks, level, engine, monitor, only, from_, suite=suite, seed=seed, starter=starter, again=again
    )
    find(folder)
    if aside := left_aside(folder):
        console.err.print(
            f"Neither folders nor archives, so not graded: {escape(', '.join(aside[:20]))}"
            + (f" and {len(aside) - 20} more" if len(aside) > 20 else "")
        )
    if starter is not None:
        of_folder(starter)
    work = cli_course.kept(results, chosen, roster, checks, wanted, as_student=as_student)
    with _ground(dask, jobs, suite) as (ground, many):
        found = carry_out(folder, wanted, ground, many, results, coursework=work)
    conclude(found, results, json_=json_)
    if as_student and any(check.verdict != "passed" for result in found for check in result.checks):
        raise typer.Exit(1)


@contextmanager
def _ground(dask: str | None, jobs: int | None, suite: str | None) -> Iterator[tuple[Ground, Many]]:
    """With what, and by whom, submissions are graded."""
    if dask is None:
        from grading.run.places import places
        from grading.run.pool import local
        from grading.run.preparation import prepare

        with console.progress() as progress:
            ground = prepare(progress, suite)
        yield ground, local(ground, jobs or places())
        return
    from grading.run import dask_client

    with dask_client.client(dask, jobs) as client:
        with console.progress() as progress:
            progress.step("Making the Dask workers ready")
            ground = dask_client.ground(client, suite or "")
        yield ground, dask_client.remote(client, ground)


def carry_out(
    folder: Path,
    wanted: Settings,
    ground: Ground,
    many: Many,
    results: Path,
    *,
    missing: Mapping[str, str] | None = None,
    coursework: Coursework | None = None,
) -> list[SubmissionResult]:
    """Run a batch and show on standard error how it goes on.

    Raises:
        LabError: it was stopped, or cannot be run.
    """
    from grading.run import batch
    from grading.run.show import Shown

    with Shown(console.err) as shown, _told_at_once():
        try:
            return batch.run(
                folder,
                wanted,
                ground,
                many,
                results=results,
                watcher=shown,
                missing=missing,
                coursework=coursework,
            )
        except KeyboardInterrupt:
            raise LabError(
                f"Stopped; {_submissions(shown.count, 'was', 'were')} graded, and what is done is in {results}",
                "Call it again to go on from there.",
                exit_status=130,
            ) from None


@contextmanager
def _told_at_once() -> Iterator[None]:
    """Say at Ctrl-C that this ends: until the workers have let go of their machines nothing else would be seen."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield  # who ignores it, as for a job in the background, is not asked
        return
    is_told = False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            console.err.print("Ending; what is under way is given up. Its machines go first: up to 20 s.")
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _submissions(count: int, one: str, several: str) -> str:
    """So many, with the verb that goes with them."""
    return f"1 submission {one}" if count == 1 else f"{count} submissions {several}"


def conclude(found: list[SubmissionResult], results: Path, *, json_: bool) -> None:
    """Print what came of it.

    Raises:
        LabError: something is undecided.
    """
    from grading.run.show import table

    if json_:
        console.print_json([result.to_json() for result in found])
    else:
        console.out.print(table(found, console.out.width))
        console.out.print(
            f"The gradebook is in {results}. [dim]grade show · grade report · grade export[/dim]",
        )
    open_ = [result for result in found if result.undecided]
    if open_:
        names = "; ".join(result.submission for result in open_[:5]) + ("; …" if len(open_) > 5 else "")
        raise LabError(
            f"{len(open_)} of {len(found)} submissions {'has' if len(open_) == 1 else 'have'} checks that could not "
            f"be decided: {names}",
            "No point was taken for these; call it again, and only they are graded again.",
        )


def settings(
    checks: Sequence[Check],
    level: int,
    engine: str | None,
    monitor: str | None,
    only: str | None,
    start: str | None,
    *,
    suite: str | None = None,
    seed: str | None = None,
    starter: Path | None = None,
    again: bool = False,
) -> Settings:
    """What the options say.

    `level` 0 is each submission's own; see `Settings`.

    Raises:
        LabError: they contradict each other, or name no check.
    """
    from grading.run.batch import Settings
    from grading.run.catalogue import chosen
    from grading.run.job import REFERENCE

    if engine == REFERENCE and monitor == REFERENCE:
        raise LabError("With both halves ours there is nothing to grade", "Leave --engine or --monitor out.")
    return Settings(
        level=level,
        engine=engine or "",
        monitor=monitor or "",
        suite=suite or "",
        only=chosen([check for check in checks if check.level <= (level or 2)], only, start),
        seed=seed or "",
        starter=starter,
        again=again,
    )
