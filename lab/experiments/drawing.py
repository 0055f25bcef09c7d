"""How pictures of experiments look, and how they are written: for print, and for every kind of eyes.

The style is that of the demonstrations (`lab.demo.plots`), with its colours for a white page. No
two runs are told apart by colour alone: each has a marker and a line of its own, too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.demo import plots as demo
from lab.errors import LabError
from lab.files import write_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


def _plain(stand_in: str) -> str:
    """The colour for a page of its own that stands behind a stand-in of the demonstrations' pictures."""
    found = re.search(r"#[0-9a-f]{6}", demo.VARIABLES[stand_in])
    assert found
    return found[0]


INK, FAINT = _plain(demo.INK), _plain(demo.FAINT)
SOFT, BAD = _plain(demo.WARN), _plain(demo.BAD)

STYLE: dict[str, Any] = {
    **{key: _plain(value) if value in demo.VARIABLES else value for key, value in demo.STYLE.items()},
    "font.size": 10,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.grid": True,
    "grid.color": "#dfe3e8",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "pdf.fonttype": 42,  # letters that a reader of the PDF can select and search
}


@dataclass(frozen=True)
class Look:
    """How one run looks in a picture."""

    colour: str
    marker: str
    line: Any


LOOKS = (
    Look(_plain(demo.FIRST), "o", "-"),
    Look(_plain(demo.SECOND), "s", (0, (6, 2))),
    Look("#0a7d62", "^", (0, (1, 1.5))),
    Look("#8a3f86", "D", (0, (6, 2, 1, 2))),
    Look(INK, "v", (0, (3, 3))),
    Look("#5b8fd6", "P", "-"),
)
"""Blue, ochre, green, purple, ink: hues that stay apart for all common kinds of colour blindness, and greys
that stay apart in print (Okabe and Ito, Color Universal Design; darkened for thin lines on white)."""


def look(which: int) -> Look:
    """The look of a run, by its number from 0."""
    return LOOKS[which % len(LOOKS)]


def check_output(path: Path) -> None:
    """Raises `LabError` where a picture cannot have this name."""
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise LabError(
            f"{path} does not tell what kind of picture it should be",
            "End its name in .png, .svg or .pdf.",
        )


def written(path: Path, draw: Callable[[Figure], None], *, size: tuple[float, float], alt: str) -> None:
    """Draw a picture and write it, whole or not at all.

    Args:
        path: where to; its suffix says in which format.
        draw: draws into an empty figure.
        size: width and height in inches.
        alt: what the picture shows, in words; kept in the file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    check_output(path)
    kind = path.suffix.lower().lstrip(".")
    abouts: dict[str, dict[str, Any]] = {
        "png": {"Description": alt},
        "svg": {"Date": None, "Description": alt},
        "pdf": {"CreationDate": None, "Subject": alt},
    }
    style: Any = {**STYLE, "svg.hashsalt": ascii(path.stem)}
    drawn = io.BytesIO()
    with mpl.rc_context(style):
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas)
        canvas.savefig(drawn, format=kind, dpi=200, metadata=abouts[kind])
    write_output(path, drawn.getvalue())


def whiskers(
    axes: Axes, x: float, values: list[float], middle: float, one: Look, *, across: float = 0.0
) -> None:
    """Each repetition as a faint dot, and over them the median with the span from the least to the most."""
    spread = [x + across * ((index % 5) - 2) / 2 for index in range(len(values))]
    axes.plot(
        spread, values, one.marker, color=one.colour, markersize=3.5, alpha=0.4, markeredgewidth=0
    )  # fmt: skip
    axes.errorbar(
        [x], [middle], yerr=[[middle - min(values)], [max(values) - middle]], fmt=one.marker, color=one.colour,
        markersize=7, markerfacecolor="white", markeredgewidth=1.8, capsize=4, linewidth=1.5,
    )  # fmt: skip
