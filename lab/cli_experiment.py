"""The commands `lab experiment run|plot|compare`."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lab import console
from lab.cli_options import JsonOption, MachineOption, chosen
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.experiments.model import Experiment
    from lab.experiments.run import Interrupted

app = typer.Typer(
    help="Measure what limits and nice values do, more than once; draw it; compare two configurations.\n\n"
    "One run proves little: the monitor looks at another moment each time, and an emulated processor is set "
    "aside without asking. So an experiment is repeated, every sample is kept in a CSV file, and pictures show "
    "the scatter. [bold]Predict first, write the prediction down, then run.[/bold]\n\n"
    "Begin with [bold]lab experiment run memory --help[/bold].",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
run_app = typer.Typer(
    help="Run an experiment in a machine that is up, and keep it as CSV; no file is ever overwritten.\n\n"
    "Within your workspace it brings your engine and your module there, with `--reference` the kit's own; "
    "elsewhere it takes what is there. "
    "Ctrl-C leaves the repetitions that are whole, and a cleared machine.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(run_app, name="run")

RepeatOption = Annotated[
    int, typer.Option("--repeat", "-n", min=1, max=1000, help="How many times; a comparison needs 3 or more.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be given several times."),
]
FolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the CSV file goes.")
]
ReferenceOption = Annotated[
    bool,
    typer.Option("--reference", help="First deploy the reference engine and module, in place of what is there."),
]  # fmt: skip
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV files of one kind.")]
DEFAULT_FOLDER = Path("experiments")


def _settings(kind: str) -> str:
    """The settings of a kind, for its help."""
    from lab.experiments.kinds import KINDS
    from lab.experiments.settings import shown

    return "Settings, with what they are where you set nothing:\n\n" + "\n\n".join(
        f"[cyan]{each.key}={shown(each.default)}[/cyan]  {each.text}; {each.allowed}"
        for each in KINDS[kind].settings
    )  # fmt: skip


@run_app.command(epilog=_settings("memory"))
def memory(
    machine: MachineOption = None,
    repeat: RepeatOption = 5,
    set_: SetOption = None,
    output: FolderOption = DEFAULT_FOLDER,
    reference: ReferenceOption = False,
    json_: JsonOption = False,
) -> None:
    """Exercise 07: a container grows past its soft and its hard limit, and is watched until it is killed.

    With `by=monitor` the kernel monitor looks once in each interval, so the container may be far above
    the limit when it is seen: at most its rate times the interval. With `by=cgroup` every page is counted
    when it is taken. What is kept: its memory at each look, when it was warned, when and why it ended.

    Try `--set scan_interval_ms=500` and `--set by=cgroup`, and compare.
    """
    _run("memory", machine, repeat, set_, output, reference=reference, as_json=json_)


@run_app.command(epilog=_settings("cpu"))
def cpu(
    machine: MachineOption = None,
    repeat: RepeatOption = 5,
    set_: SetOption = None,
    output: FolderOption = DEFAULT_FOLDER,
    reference: ReferenceOption = False,
    json_: JsonOption = False,
) -> None:
    """Exercise 08: containers that want all of a CPU, and how much of it each gets.

    The scheduler gives time in proportion to weights, which follow from nice values
    (sched_prio_to_weight in kernel/sched/core.c): nice -5 weighs 3121 and nice 10 weighs 110, so the first
    gets 96.6 % of a CPU that both want. All containers are let go at the same moment. What is kept: the
    processor time of each, second by second, as the kernel accounts it.

    Try `--set nice=0,5`, `--set nice=-5,0,5`, and `--set cpus=2`: who waits for whom then?
    """
    _run("cpu", machine, repeat, set_, output, reference=reference, as_json=json_)


@run_app.command(epilog=_settings("latency"))
def latency(
    machine: MachineOption = None,
    repeat: RepeatOption = 5,
    set_: SetOption = None,
    output: FolderOption = DEFAULT_FOLDER,
    reference: ReferenceOption = False,
    json_: JsonOption = False,
) -> None:
    """Exercise 08: how late a container that sleeps comes to run, beside a hog on the same CPU.

    It needs hardly any processor time, but it wants it now. The scheduler itself tells both moments:
    sched_waking, when a timer or the disk wakes it, and sched_switch, when the CPU goes on with it.
    What is kept: the time between, for each of many wakes.

    Try `--set hogs=0` first: that is what the machine itself takes. Then `--set hog_nice=19`, and
    `--set sleeper=io`.
    """
    _run("latency", machine, repeat, set_, output, reference=reference, as_json=json_)


def _run(
    name: str,
    machine: str | None,
    repeat: int,
    set_: list[str] | None,
    folder: Path,
    *,
    reference: bool,
    as_json: bool,
) -> None:
    from lab import lifecycle
    from lab.deploy import deploy
    from lab.experiments import run, settings
    from lab.experiments.kinds import KINDS
    from lab.machine import kinds
    from lab.machine.record import locked
    from lab.workspace import deploying, state

    kind = KINDS[name]
    values = settings.chosen(kind.settings, set_ or [])
    kind.check(values)

    def heard(repetition: int, what: str) -> None:
        console.err.print(f"  {repetition}: {escape(what)}")

    top = None if reference else state.top_of(Path.cwd())
    workspace = state.read(top) if top is not None else None
    if workspace is not None and workspace.track == "c" and values.get("by") == "cgroup":
        console.err.print(
            "[yellow]Without the monitor an engine of the C track holds no limits, unless you gave it more than "
            "the exercises ask for. `--reference` measures the finished one.[/yellow]"
        )
    where = chosen(machine)
    with locked(where), console.progress() as progress:
        found = kinds.find(where, progress)
        try:
            [now] = lifecycle.statuses([where])
            if reference:
                deploy(found, progress)
            elif workspace is not None:
                deploying.deploy(found, workspace, progress)
            done = run.run(
                found, now.accelerator or now.kind, kind, values, repeat, folder, progress, heard
            )  # fmt: skip
        except run.Interrupted as interrupted:
            raise _told(interrupted) from None
        finally:
            found.close()
    if as_json:
        console.print_json(_described(done))
        return
    console.out.print(
        f"[green]{escape(str(done.path))}[/green]: {len(done.repetitions)} repetitions. "
        f"[dim]{escape(shlex.join(['lab', 'experiment', 'plot', str(done.path)]))}[/dim]",
    )


def _told(interrupted: Interrupted) -> LabError:
    kept = f"{interrupted.kept or 'No repetition was whole, so there is no file'}."
    if interrupted.is_clear:
        return LabError("Interrupted; the machine is cleared", kept, exit_status=130)
    name = interrupted.machine
    return LabError(
        f"Interrupted, and machine {name!r} could not be cleared",
        f"Clear it: `lab reset {name}`, or `lab down {name}` and `lab up {name}`. {kept}",
        exit_status=130,
    )


@app.command()
def plot(
    files: FilesArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PICTURE", help=".png, .svg or .pdf; if not named, beside FILE."),
    ] = None,
) -> None:  # fmt: skip
    """Draw one run, or several of the same kind in one picture.

    memory: memory against time with limits, warning and kill, and the overshoot of each repetition. cpu:
    measured share against predicted share, and the difference. latency: how many wakes were no later than
    so much. Small dots and thin lines are repetitions, large marks are medians, bars go from the least to
    the most. The sentence that is printed is the picture in words, for your report and for those who
    cannot see it.
    """
    from lab.experiments import plots, store

    path = output or files[0].with_suffix(".png")
    _draw(plots.plot, [store.read(file) for file in files], path)


def _draw(plot: Any, experiments: list[Experiment], path: Path) -> None:
    if path.resolve() in {each.path.resolve() for each in experiments}:
        raise LabError(f"The picture {path} would take the experiment's place", "Name another one with -o.")
    alt = plot(experiments, path)
    console.err.print(f"[green]{escape(str(path))}[/green]: {escape(alt)}")


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A CSV file.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one of the same kind.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PICTURE", help=".png, .svg or .pdf; compare-A-B.png if not named."),
    ] = None,
    json_: JsonOption = False,
) -> None:  # fmt: skip
    """Lay two configurations side by side: a table, and a picture with both.

    For each figure the medians of both, the span of their repetitions, the ratio, and whether the
    difference is larger than the scatter. That is judged by a bootstrap: both runs are resampled some
    thousand times, and where the middle 95 % of the differences of medians do not contain 0, the
    difference is hardly chance. It says nothing about causes: change one thing at a time.
    """
    from lab.experiments import comparison, plots, store

    both = [store.read(first), store.read(second)]
    differences = comparison.compare(*both)
    names = comparison.labels(both)
    path = output or Path(f"compare-{first.stem}-{second.stem}.png")
    if json_:
        _draw(plots.plot, both, path)
        console.print_json(
            {
                "kind": both[0].provenance.kind,
                "runs": [_described(each) for each in both],
                "figures": [
                    {**asdict(each), "medians": each.medians, "ratio": each.ratio, "clear": each.clear}
                    for each in differences
                ],
                "method": comparison.METHOD,
                "picture": os.fspath(path),
            }
        )
        return
    table = Table(box=None, title=f"A: {escape(names[0])}\nB: {escape(names[1])}", title_justify="left")
    table.add_column("FIGURE")
    for heading in ("A", "B", "B / A", "B - A, 95 %", ""):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
    for each in differences:
        ratio = each.ratio
        table.add_row(
            f"{each.name}, {each.unit}",
            _span(each.first, each.digits),
            _span(each.second, each.digits),
            f"{ratio:.2f}" if ratio is not None else "-",
            f"{each.low:+.{each.digits}f} … {each.high:+.{each.digits}f}",
            "[bold]differs[/bold]" if each.clear else "[dim]within scatter[/dim]",
        )
    console.out.print(table)
    console.out.print(f"[dim]Median (least … most). {comparison.METHOD}[/dim]")
    _draw(plots.plot, both, path)


def _span(values: tuple[float, ...], digits: int) -> str:
    return f"{median(values):.{digits}f}\n({min(values):.{digits}f} … {max(values):.{digits}f})"


def _described(experiment: Experiment) -> dict[str, Any]:
    """A run for programs."""
    from lab.experiments.kinds import KINDS

    return {
        "path": os.fspath(experiment.path),
        **asdict(experiment.provenance),
        "whole_repetitions": len(experiment.repetitions),
        "measures": [asdict(each) for each in KINDS[experiment.provenance.kind].measures(experiment)],
    }
