"""The pictures of the three experiments, each of one run or of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from lab.demo.facts import MIB
from lab.experiments import cpu, latency, memory
from lab.experiments.comparison import labels, one_kind
from lab.experiments.drawing import BAD, FAINT, INK, SOFT, look, whiskers, written
from lab.experiments.model import Experiment
from lab.experiments.settings import number, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = (9.0, 4.2)
DASHED, DOTTED = (0, (5, 3)), (0, (2, 2))


def plot(experiments: Sequence[Experiment], path: Path) -> str:
    """Draw one run, or several of one kind, and return what the picture shows, in words.

    Args:
        experiments: at least one.
        path: of the picture, which ends in .png, .svg or .pdf.

    Raises:
        LabError: they are of different kinds, or the name is no picture's.
        OSError: it cannot be written.
    """
    draw, told = {
        "memory": (_memory, _memory_told),
        "cpu": (_cpu, _cpu_told),
        "latency": (_latency, _latency_told),
    }[one_kind(experiments)]
    names = [""]
    if len(experiments) > 1:  # lettered, as `lab experiment compare` calls its two
        names = [f"{chr(ord('A') + which % 26)}: {label}" for which, label in enumerate(labels(experiments))]
    named = list(zip(names, experiments, strict=True))
    alt = told(named)
    drawn = [(name.replace("$", r"\$"), each) for name, each in named]  # between two of them stands a formula
    written(path, lambda figure: draw(figure, drawn), size=WIDE, alt=alt)
    return alt


Named = list[tuple[str, Experiment]]


def _legend(axes: Axes, place: Literal["lower right", "upper left"]) -> None:
    axes.legend(loc=place, frameon=True, framealpha=0.9, edgecolor="none", fontsize=9)


# --- memory ---


def _memory(figure: Figure, named: Named) -> None:
    over_time, over = figure.subplots(1, 2, width_ratios=[2.6, 1])
    highest = longest = 0.0
    for which, (name, experiment) in enumerate(named):
        group, one = memory.by_cgroup(experiment), look(which)
        for nth, rows in enumerate(experiment.repetitions):
            seen = [(row["seconds"], size / MIB) for row in rows if row["event"] not in ("soft", "hard")
                    and (size := memory.size(row, by_cgroup=group)) is not None]  # fmt: skip
            if not seen:
                continue
            times, sizes = [at for at, _ in seen], [size for _, size in seen]
            first = nth == 0
            # The first is drawn in full, with its story; the others show how much it varies.
            over_time.step(
                times, sizes, where="post", color=one.colour, linestyle=one.line if first else "-",
                linewidth=1.8 if first else 0.8, alpha=1.0 if first else 0.35,
                label=(name or "one repetition") if first else None,
            )  # fmt: skip
            warned = [row["seconds"] for row in rows if row["event"] == "soft"]
            if warned and first:
                at = max(times[0], warned[0])
                over_time.plot([at], [_at(times, sizes, at)], "o", color=SOFT, markersize=7,
                               markerfacecolor="white", markeredgewidth=1.8)  # fmt: skip
            if (died := memory.killed_at(rows)) is not None:
                over_time.plot([died], [sizes[-1]], "X", color=BAD if first else one.colour,
                               markersize=10 if first else 6, alpha=1.0 if first else 0.5,
                               markeredgecolor="white", markeredgewidth=0.6)  # fmt: skip
            highest, longest = max(highest, *sizes), max(longest, rows[-1]["seconds"])
        values = [memory.overshoot(experiment, each) for each in range(len(experiment.repetitions))]
        whiskers(over, which, values, median(values), one, across=0.18)
    over_time.plot(
        [], [], "o", color=SOFT, markerfacecolor="white", markeredgewidth=1.8, label="warned", ls=""
    )
    over_time.plot([], [], "X", color=BAD, markersize=9, label="killed", ls="")
    limits = {
        (word, number(each.parameters, f"{word}_mib")) for _, each in named for word in ("soft", "hard")
    }
    for word, limit in sorted(limits):
        colour = SOFT if word == "soft" else BAD
        over_time.axhline(limit, color=colour, linewidth=1.3, linestyle=DOTTED if word == "soft" else DASHED)
        over_time.annotate(f"{word} limit {limit} MiB", (0.01, limit), xycoords=("axes fraction", "data"),
                           xytext=(0, 3), textcoords="offset points", color=colour, fontsize=9)  # fmt: skip
        highest = max(highest, limit)
    counted = {"charged" if memory.by_cgroup(each) else "resident" for _, each in named}
    over_time.set(
        xlabel="time since the container began, s", ylabel=f"its {' or '.join(sorted(counted))} memory, MiB",
        xlim=(0, longest * 1.04 or 1), ylim=(0, highest * 1.12 or 1),
    )  # fmt: skip
    _legend(over_time, "lower right")
    over.axhline(0, color=BAD, linewidth=1.3, linestyle=DASHED)
    over.set(ylabel="overshoot past the hard limit, MiB", xlim=(-0.6, len(named) - 0.4))
    over.set_ylim(bottom=min(-0.5, -0.04 * over.get_ylim()[1]), top=max(1.0, over.get_ylim()[1]))
    _ticks(over, [name[:1] or "all repetitions" for name, _ in named])


def _ticks(axes: Axes, names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.grid(visible=False, axis="x")


def _at(times: list[float], sizes: list[float], at: float) -> float:
    return max((size for time, size in zip(times, sizes, strict=True) if time <= at), default=sizes[0])


def _memory_told(named: Named) -> str:
    parts = []
    for name, experiment in named:
        values = [memory.overshoot(experiment, each) for each in range(len(experiment.repetitions))]
        killed = sum(memory.killed_at(rows) is not None for rows in experiment.repetitions)
        parts.append(
            f"{name + ', ' if name else ''}killed at the hard limit of {number(experiment.parameters, 'hard_mib')} "
            f"MiB in {killed} of {len(values)} repetitions, {min(values):.1f} to {max(values):.1f} MiB above it "
            f"(median {median(values):.1f})"
        )
    return "Memory of a growing container against time, and its overshoot. " + "; ".join(parts) + "."


# --- cpu ---


def _cpu(figure: Figure, named: Named) -> None:
    against, off = figure.subplots(1, 2, width_ratios=[1, 1.2])
    against.plot(
        [0, 100], [0, 100], color=INK, linewidth=1.2, linestyle=DOTTED, label="as the weights predict"
    )
    off.axhline(0, color=INK, linewidth=1.2, linestyle=DOTTED)
    ticks: list[str] = []
    for which, (name, experiment) in enumerate(named):
        one = look(which)
        nices = numbers(experiment.parameters, "nice")
        for nice, share, due in zip(nices, cpu.shares(experiment), cpu.prediction(experiment), strict=True):
            percent = [100 * each for each in share]
            whiskers(against, 100 * due, percent, median(percent), one)
            if len(named) == 1:
                right = due < 0.8
                against.annotate(
                    f"nice {nice}", (100 * due, median(percent)), xytext=(9 if right else -9, -4),
                    ha="left" if right else "right", textcoords="offset points", fontsize=9, color=INK,
                )  # fmt: skip
            points = [each - 100 * due for each in percent]
            whiskers(off, len(ticks), points, median(points), one, across=0.18)
            ticks.append(f"{nice}")
        against.plot([], [], one.marker, color=one.colour, markerfacecolor="white", markeredgewidth=1.8,
                     label=name or "measured: median, least to most")  # fmt: skip
    against.set(
        xlabel="predicted share of the processor time, %",
        ylabel="measured share, %",
        xlim=(-4, 104),
        ylim=(-4, 104),
    )
    against.set_aspect("equal")
    _legend(against, "upper left")
    off.set(xlabel="nice value of the container", ylabel="measured less predicted, percentage points")
    off.set_xlim(-0.6, len(ticks) - 0.4)
    low, high = off.get_ylim()
    off.set_ylim(min(low, -1.0), max(high, 1.0))
    _ticks(off, ticks)


def _cpu_told(named: Named) -> str:
    parts = []
    for name, experiment in named:
        each = zip(
            numbers(experiment.parameters, "nice"), cpu.shares(experiment), cpu.prediction(experiment), strict=True
        )  # fmt: skip
        parts.append(
            (name + ": " if name else "")
            + ", ".join(
                f"nice {nice} got {median(share):.1%} (predicted {due:.1%}, from {min(share):.1%} to {max(share):.1%})"
                for nice, share, due in each
            )
        )
    return (
        "Measured shares of processor time against the prediction of the weights. " + "; ".join(parts) + "."
    )


# --- latency ---


def _latency(figure: Figure, named: Named) -> None:
    axes = figure.subplots()
    axes.set_xscale("log")
    for percent in latency.PERCENTS:
        axes.axhline(percent, color=FAINT, linewidth=0.9, linestyle=DOTTED)
        axes.annotate("median" if percent == 50 else f"p{percent}", (1.0, percent), xycoords=("axes fraction", "data"),
                      xytext=(4, -3), textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
    for which, (name, experiment) in enumerate(named):
        one = look(which)
        late = latency.milliseconds(experiment)
        for each in late:
            axes.step(*_cumulative(each), where="post", color=one.colour, linewidth=0.7, alpha=0.3)
        together = sorted(value for each in late for value in each)
        axes.step(*_cumulative(together), where="post", color=one.colour, linewidth=2, linestyle=one.line,
                  label=name or "all repetitions; thin: each")  # fmt: skip
        at = [latency.percentile(together, percent) for percent in latency.PERCENTS]
        axes.plot(at, latency.PERCENTS, one.marker, color=one.colour, markerfacecolor="white", markeredgewidth=1.8,
                  markersize=7)  # fmt: skip
    axes.set(
        xlabel="time from waking to running, ms (logarithmic)",
        ylabel="wakes no later than that, %",
        ylim=(0, 101),
    )
    axes.xaxis.set_major_formatter("{x:g}")
    _legend(axes, "lower right")


def _cumulative(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The steps of the distribution, in percent. A trace has whole microseconds; 0 is drawn as half of one."""
    ordered = [max(value, 0.0005) for value in sorted(values)]
    return ordered, [100 * (index + 1) / len(ordered) for index in range(len(ordered))]


def _latency_told(named: Named) -> str:
    parts = []
    for name, experiment in named:
        together = [value for each in latency.milliseconds(experiment) for value in each]
        middle, high, highest = (latency.percentile(together, percent) for percent in latency.PERCENTS)
        parts.append(
            f"{name + ': ' if name else ''}half of {len(together)} wakes no later than {middle:.3f} ms, "
            f"95 % no later than {high:.3f} ms, 99 % no later than {highest:.3f} ms"
        )
    return (
        "How late a container ran after it was woken, as cumulative distribution. " + "; ".join(parts) + "."
    )
