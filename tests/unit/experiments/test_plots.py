"""The pictures: every kind, every format, with the figures in words."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.experiments import plots

RUNS: dict[str, list[list[str]]] = {
    "memory": [[], ["scan_interval_ms=500", "hard_mib=56"], ["by=cgroup"]],
    "cpu": [[], ["nice=-5,0,5"], ["cpus=2"]],
    "latency": [["hogs=0"], [], ["hog_nice=19"]],
}


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("count", [1, 3])
def test_svg_holds_every_word(kind: str, count: int, made: Callable[..., Any], tmp_path: Path) -> None:
    runs = [made(kind, *words) for words in RUNS[kind][:count]]
    path = tmp_path / "new" / "picture.svg"
    alt = plots.plot(runs, path)
    tree = ET.parse(path)
    words = " ".join(tree.getroot().itertext())
    wanted = {
        "memory": ["time since the container began, s", "resident", "memory, MiB", "soft limit 24 MiB",
                   "hard limit 48 MiB", "warned", "killed", "overshoot past the hard limit, MiB"],
        "cpu": ["predicted share of the processor time, %", "measured share, %", "as the weights predict",
                "percentage points"],
        "latency": ["time from waking to running, ms", "median", "p95", "p99", "wakes no later than that, %"],
    }[kind]  # fmt: skip
    assert [each for each in wanted if each not in words] == []
    assert alt in words  # in its description
    if count > 1:
        assert all(f"{letter}: " in words and f"{letter}: " in alt for letter in "ABC")
    style = path.read_text()
    assert "#010101" not in style  # a stand-in of the demonstrations' pages


def test_words_tell_the_figures(made: Callable[..., Any], tmp_path: Path) -> None:
    assert "nice 10 got 3.5% (predicted 3.4%" in plots.plot([made("cpu")], tmp_path / "a.svg")
    assert "killed at the hard limit of 48 MiB in 5 of 5" in plots.plot([made("memory")], tmp_path / "a.svg")
    assert "half of 1500 wakes" in plots.plot([made("latency")], tmp_path / "a.svg")


def test_formats(made: Callable[..., Any], tmp_path: Path) -> None:
    for suffix, begin in ((".png", b"\x89PNG"), (".pdf", b"%PDF-"), (".PNG", b"\x89PNG")):
        path = tmp_path / f"p{suffix}"
        plots.plot([made("cpu", repetitions=1)], path)
        assert path.read_bytes().startswith(begin)
    with pytest.raises(LabError, match=r"End its name in \.png, \.svg or \.pdf"):
        plots.plot([made("cpu")], tmp_path / "p.gif")
    assert not list(tmp_path.glob(".*"))


def test_a_link_stays_one(made: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "p.svg").symlink_to("other.svg")
    plots.plot([made("cpu")], tmp_path / "p.svg")
    assert (tmp_path / "p.svg").is_symlink() and "<svg" in (tmp_path / "other.svg").read_text()


def test_the_same_run_gives_the_same_picture(made: Callable[..., Any], tmp_path: Path) -> None:
    runs = [made("latency")]
    for name in ("x/p.svg", "y/p.svg"):
        plots.plot(runs, tmp_path / name)
    assert (tmp_path / "x/p.svg").read_bytes() == (tmp_path / "y/p.svg").read_bytes()


def test_kinds_are_not_mixed(made: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(LabError, match="different kinds"):
        plots.plot([made("cpu"), made("latency")], tmp_path / "p.png")


def test_a_dollar_is_no_formula(made: Callable[..., Any], tmp_path: Path) -> None:
    pair = [made("latency", engine=engine) for engine in ("a", r"$\frac$")]
    told = plots.plot(pair, tmp_path / "p.svg")
    assert r"B: $\frac$" in told and r"B: $\frac$" in (tmp_path / "p.svg").read_text()


def test_a_name_of_a_file_that_is_no_text(made: Callable[..., Any], tmp_path: Path) -> None:
    pair = [replace(made("cpu"), path=tmp_path / os.fsdecode(name)) for name in (b"a\xff.csv", b"b.csv")]
    for suffix in ("svg", "png", "pdf"):
        plots.plot(pair, tmp_path / os.fsdecode(b"p\xff." + suffix.encode()))
