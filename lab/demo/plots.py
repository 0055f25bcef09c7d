"""The two pictures, as SVG that follows the page: its fonts, and its colours in dark and light.

Matplotlib draws with stand-in colours, which are then replaced by CSS variables with a
fallback, so that a picture also shows well on its own.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from lab.demo.cpu import Shares, predicted_share
from lab.demo.facts import MIB
from lab.demo.memory import HARD_MIB, NAME, SOFT_MIB
from lab.demo.model import Figure
from lab.demo.stage import NICE_ALPHA, NICE_BETA, HogRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, FIRST, SECOND, WARN, BAD = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
VARIABLES = {
    INK: "var(--ink, #1c2430)",
    FAINT: "var(--faint, #8b95a3)",
    FIRST: "var(--first, #2563b0)",
    SECOND: "var(--second, #b4610b)",
    WARN: "var(--warn, #b4610b)",
    BAD: "var(--bad, #c02b2b)",
}
STYLE = {
    "svg.fonttype": "none",  # text stays text: readable aloud, and in the page's font
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def memory_figure(run: HogRun) -> Figure:
    """Resident memory over time, both limits, the warning and the kill."""
    times = [at - run.began for at, _ in run.samples]
    sizes = [rss / MIB for _, rss in run.samples]
    died = run.ended_at - run.began if run.end == "gone" else None

    def draw(axes: Axes) -> None:
        axes.step(times, sizes, where="post", color=FIRST, linewidth=2)
        axes.fill_between(times, sizes, step="post", color=FIRST, alpha=0.12, linewidth=0)
        for limit, word, colour in ((SOFT_MIB, "soft", WARN), (HARD_MIB, "hard", BAD)):
            axes.axhline(limit, color=colour, linewidth=1.2, linestyle=(0, (5, 3)))
            axes.annotate(
                f"{word} limit {limit} MiB", (0.005, limit), xycoords=("axes fraction", "data"),
                xytext=(2, 4), textcoords="offset points", color=colour,
            )  # fmt: skip
        if run.soft_at is not None:
            at = run.soft_at - run.began
            axes.plot([at], [_size_at(times, sizes, at)], "o", color=WARN, markersize=7)
            axes.annotate(
                "warned, lives on", (at, _size_at(times, sizes, at)), xytext=(8, -20),
                textcoords="offset points", color=WARN,
            )  # fmt: skip
        if died is not None:
            axes.plot([died], [sizes[-1] if sizes else 0], "X", color=BAD, markersize=10)
            axes.annotate(
                "killed", (died, sizes[-1] if sizes else 0), xytext=(-9, 8), ha="right",
                textcoords="offset points", color=BAD,
            )  # fmt: skip
            axes.plot([died, died], [0, sizes[-1] if sizes else 0], color=BAD, linewidth=1, linestyle=":")
        axes.set_xlabel(f"seconds since {NAME} was started")
        axes.set_ylabel("resident memory, MiB")
        axes.set_xlim(0, (died or (times[-1] if times else 1)) * 1.06)
        axes.set_ylim(0, max([*sizes, HARD_MIB]) * 1.15)

    warned = f"{run.soft_at - run.began:.1f} s" if run.soft_at is not None else "no time"
    killed = f"at {died:.1f} s" if died is not None else "never"
    return _figure(
        "memory",
        f"Memory of {NAME} over time",
        f"Line plot: the resident memory of {NAME} grows in steps from {min(sizes, default=0):.0f} to "
        f"{max(sizes, default=0):.0f} MiB; it passes the soft limit of {SOFT_MIB} MiB and is warned at {warned}, "
        f"and the hard limit of {HARD_MIB} MiB and is killed {killed}.",
        draw,
        {"seconds": times, "resident_mib": sizes},
    )


def _size_at(times: list[float], sizes: list[float], at: float) -> float:
    return max((size for time, size in zip(times, sizes, strict=True) if time <= at), default=0.0)


def cpu_figure(shares: Shares) -> Figure:
    """Processor time of both hogs, and what the weights predict of it."""
    beta = predicted_share()
    total = [a + b for a, b in zip(shares.alpha, shares.beta, strict=True)]

    def draw(axes: Axes) -> None:
        for name, nice, measured, share, colour in (
            ("alpha", NICE_ALPHA, shares.alpha, 1 - beta, FIRST),
            ("beta", NICE_BETA, shares.beta, beta, SECOND),
        ):
            axes.plot(shares.times, measured, color=colour, linewidth=2.5)
            axes.plot(
                shares.times,
                [share * each for each in total],
                color=INK,
                linewidth=1.2,
                linestyle=(0, (2, 2)),
            )
            axes.annotate(
                f"{name}, nice {nice}: {measured[-1] / total[-1]:.1%}", (shares.times[-1], measured[-1]),
                xytext=(-4, 8), ha="right", va="bottom", textcoords="offset points", color=colour,
            )  # fmt: skip
        axes.plot([], [], color=INK, linewidth=1.2, linestyle=(0, (2, 2)), label="predicted by the weights")
        axes.legend(frameon=False, loc="upper left")
        axes.set_xlabel("seconds")
        axes.set_ylabel("seconds on the processor")
        axes.set_xlim(0, shares.seconds)
        axes.set_ylim(0, shares.seconds * 1.15)

    return _figure(
        "cpu",
        "Processor time of two hogs on one processor",
        f"Line plot over {shares.seconds:.0f} seconds: alpha (nice {NICE_ALPHA}) gets {1 - shares.share:.1%} of the "
        f"processor time, beta (nice {NICE_BETA}) {shares.share:.1%}; dotted lines show the {1 - beta:.1%} and "
        f"{beta:.1%} that the weights predict.",
        draw,
        {
            "seconds": list(shares.times),
            "alpha_seconds": list(shares.alpha),
            "beta_seconds": list(shares.beta),
        },
    )


def _figure(name: str, title: str, alt: str, draw: Any, samples: dict[str, list[float]]) -> Figure:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    style: Any = {**STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        canvas = Canvas(figsize=(7.2, 3.6), layout="constrained")
        FigureCanvasSVG(canvas)
        draw(canvas.add_subplot())
        written = io.StringIO()
        canvas.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return Figure(name, title, alt, _for_a_page(written.getvalue(), name), samples)


def _for_a_page(svg: str, name: str) -> str:
    """An SVG element that can stand in HTML: no prologue, ids of its own, the page's colours and width."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    for stand_in, variable in VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    svg = re.sub(r'font: ([0-9.]+px) [^;"]*', r"font: \1 system-ui, sans-serif", svg)
    return re.sub(r'^<svg[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg xmlns="http://www.w3.org/2000/svg" '
        r'xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="\1" aria-hidden="true">', svg)  # fmt: skip
