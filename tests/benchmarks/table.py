"""The table of figures: each a ratio against its peer, measured in the same guest and run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict


@dataclass(frozen=True)
class Row:
    """One figure."""

    what: str
    ours: float
    unit: str
    """Of `ours` and `peer`: `ms`, `s`, `MiB`, `MiB/s`, or a count."""
    peer_name: str = ""
    peer: float | None = None
    """None where there is no peer, or it does not run here."""
    wanted: str = ""
    """What was asked for, in words."""
    holds: bool | None = None
    """Whether that was reached; None where nothing was asked for."""
    rounds: int = 1
    """How many measurements the median is of."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return self.ours / self.peer if self.peer else None


class Asked(TypedDict):
    """What was asked for, and whether it was reached: two fields of `Row`."""

    wanted: str
    holds: bool


def at_most(ours: float, limit: float, unit: str) -> Asked:
    """For `Row`: asked for, and reached or not."""
    return {"wanted": f"≤ {limit:g} {unit}".strip(), "holds": ours <= limit}


def ratio_at_most(ours: float, peer: float, limit: float) -> Asked:
    """For `Row`: a limit of the ratio."""
    return {"wanted": f"ratio ≤ {limit:g}", "holds": ours <= limit * peer}


def ratio_at_least(ours: float, peer: float, limit: float) -> Asked:
    """For `Row`: a least ratio."""
    return {"wanted": f"ratio ≥ {limit:g}", "holds": ours >= limit * peer}


def markdown(surroundings: dict[str, str], rows: Sequence[Row]) -> str:
    """The table as a person reads it."""
    lines = [
        "# Figures",
        "",
        *(f"- {name}: {value}" for name, value in surroundings.items()),
        "",
        "| what | ours | peer | ratio | asked for | | rounds |",
        "|---|---:|---:|---:|---|---|---:|",
    ]
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer_name} {_number(row.peer)} {row.unit}"
        if row.peer is None and row.peer_name:
            peer = f"{row.peer_name}: did not run"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        held = {None: "", True: "yes", False: "**no**"}[row.holds]
        what = f"{row.what} ({row.note})" if row.note else row.what
        lines.append(
            f"| {what} | {_number(row.ours)} {row.unit} | {peer} | {ratio} | {row.wanted} | {held} | {row.rounds} |"
        )
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    if value == int(value):
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def write(folder: Path, surroundings: dict[str, str], rows: Iterable[Row]) -> None:
    """Write `figures.md` and `figures.json`."""
    listed = list(rows)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"surroundings": surroundings, "rows": [{**asdict(row), "ratio": row.ratio} for row in listed]}
    for name, text in (
        ("figures.md", markdown(surroundings, listed)),
        ("figures.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n"),
    ):
        new = folder / f".{name}.new"
        new.write_text(text)
        new.replace(folder / name)
