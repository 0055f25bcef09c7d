"""Small runs that were never measured: rows as the programs of the guest would give them, in real files."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.demo.facts import MIB
from lab.experiments import settings, store
from lab.experiments.kinds import KINDS
from lab.experiments.model import Experiment, Provenance
from lab.experiments.settings import number, numbers
from lab.experiments.weights import predicted

Make = Callable[..., Experiment]


@pytest.fixture
def provenance() -> Provenance:
    """Of a memory run with all defaults."""
    return Provenance(
        kind="memory",
        parameters=settings.chosen(KINDS["memory"].settings, []),
        date="2026-11-24T19:45:01+00:00",
        kernel="6.12.57+deb13-amd64",
        accelerator="tcg",
        processors=2,
        engine="reference 3f2a901bc455",
        repetitions=5,
    )


@pytest.fixture
def made(tmp_path: Path, provenance: Provenance) -> Make:
    """Writes a run of a kind and reads it back."""

    def make(kind: str, *words: str, repetitions: int = 5, **about: Any) -> Experiment:
        values = settings.chosen(KINDS[kind].settings, words)
        file = store.Store(tmp_path, replace(provenance, kind=kind, parameters=values, **about))
        chance = random.Random(f"{kind} {words}")
        for _ in range(repetitions):
            file.add({"memory": grown, "cpu": shared, "latency": woken}[kind](values, chance))
        assert file.path is not None
        return store.read(file.path)

    return make


def grown(values: settings.Values, chance: random.Random) -> Sequence[dict[str, Any]]:
    """A container that grows, is warned, and is killed at the first look above the hard limit."""
    group = values["by"] == "cgroup"
    chunk, pause = number(values, "chunk_mib"), number(values, "pause_ms") / 1000 + 0.012
    soft, hard = number(values, "soft_mib"), number(values, "hard_mib")
    interval, look = number(values, "scan_interval_ms") / 1000, chance.random() * 0.1
    rows: list[dict[str, Any]] = []

    def row(at: float, size: float | None, event: str | None = None, reason: str | None = None) -> None:
        told = None if size is None else int(size * MIB)
        rows.append(
            {"seconds": round(at, 4), "resident_bytes": told, "charged_bytes": told if group else None,
             "peak_bytes": told if group else None, "event": event, "reason": reason}
        )  # fmt: skip

    at, warned = 0.03, False
    while True:
        size = 0.6 + chunk * int(at / pause)
        if group:
            size = min(size, hard)
        row(at, size)
        if (group or at >= look) and not warned and size > soft:
            warned = True
            row(at, size, "soft")
        if (group and size >= hard) or (not group and at >= look and size > hard):
            if not group:
                row(at, size, "hard")
            row(at + 0.01, None, "gone", "hard_limit_killed")
            return rows
        look += interval if at >= look else 0
        at += 0.02


def shared(values: settings.Values, chance: random.Random) -> Sequence[dict[str, Any]]:
    """Containers that get about what the weights say."""
    nices, cpus = numbers(values, "nice"), number(values, "cpus")
    due = [share * chance.uniform(0.97, 1.03) for share in predicted(nices, cpus)]
    return [
        {"seconds": float(at), "container": which, "nice": nice, "cpu_seconds": round(at * cpus * d / sum(due), 4)}
        for at in range(number(values, "seconds") + 1)
        for which, (nice, d) in enumerate(zip(nices, due, strict=True), 1)
    ]  # fmt: skip


def woken(values: settings.Values, chance: random.Random) -> Sequence[dict[str, Any]]:
    """Wakes that are late by some microseconds, and sometimes by a slice of the hog."""
    often = 0.4 if number(values, "hogs") and number(values, "hog_nice") < 5 else 0.03
    return [
        {
            "seconds": nth * 0.021,
            "late_us": round(
                chance.lognormvariate(4, 0.5) + (chance.random() < often) * chance.random() * 3000, 1
            ),
        }
        for nth in range(number(values, "wakes"))
    ]
