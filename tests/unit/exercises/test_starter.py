"""The starter: markers, table and stubs agree, and each stage is a program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import paths
from lab.errors import LabError
from lab.exercises import catalogue, regions, starter
from lab.exercises.catalogue import TRACKS, Region, Track

FIVE = "exercises/05_bounded_buffer"
NUMBERS = sorted(catalogue.folders())


def stage(number: str, track: Track = "python") -> dict[str, bytes]:
    return starter.starter(track, lambda region: region.exercise < number)


def regions_of(track: Track) -> list[Region]:
    return [each for each in catalogue.all_regions() if track in each.files]


def put(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("track", TRACKS)
def test_markers_table_and_stubs_agree(track: Track) -> None:
    starter.check(track)


@pytest.mark.parametrize("track", TRACKS)
def test_regions_are_a_piece_of_work(track: Track) -> None:
    files = starter.solution(track)
    for region in regions_of(track):
        body = regions.find(files[region.files[track]].decode(), region.name)[region.name].body
        assert len(body.splitlines()) <= 60, f"{region.name} is too much at once"


@pytest.mark.parametrize("track", TRACKS)
def test_a_stub_says_what_comes_in_and_what_goes_out(track: Track) -> None:
    for region in regions_of(track):
        first = region.stub(track).lstrip().splitlines()[0]
        assert first.startswith(("# ", "/*", "def ", "@")), region.name


@pytest.mark.parametrize("track", TRACKS)
def test_the_search_that_the_tour_shows_finds_every_region(track: Track, tmp_path: Path) -> None:
    put(stage("00", track), tmp_path)
    tour = catalogue.exercise("00").folder / "guide.md"
    command = re.search(r"`(grep [^`]+)` lists every place", tour.read_text(encoding="utf-8"))
    assert command
    listed = subprocess.run(
        ["sh", "-c", command[1]], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    for region in regions_of(track):
        assert re.search(rf"^\./{re.escape(region.files[track])}:.* region {region.name}\b", listed, re.M), (
            region.name
        )


@pytest.mark.parametrize("number", NUMBERS)
def test_each_stage_imports_and_answers_with_its_usage(number: str, tmp_path: Path) -> None:
    put(stage(number), tmp_path)
    runtime = tmp_path / "runtime"
    names = [
        ".".join(path.relative_to(runtime).with_suffix("").parts)
        for path in sorted((runtime / "supervisor").rglob("*.py"))
        if path.name not in ("__main__.py", "zygote_main.py")
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {', '.join(names)}"],
        cwd=runtime, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    environment = {**os.environ, "ENGINE_STATE": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, str(runtime / "engine")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert all(word in done.stderr for word in ("supervisor", "start", "run", "ps", "logs", "stop"))


@pytest.mark.parametrize("number", NUMBERS)
def test_no_stage_uses_a_name_that_it_has_not(number: str, tmp_path: Path) -> None:
    """A stub that raises by mistake may earn the points of who refuses on purpose."""
    put(stage(number), tmp_path)
    undefined = ["F821", "F822", "F823", "PLE"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--preview",
         "--select", ",".join(undefined), str(tmp_path / "runtime")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_stage_has_what_was_solved_and_nothing_of_what_was_not(number: str, track: Track) -> None:
    solved, cut = starter.solution(track), stage(number, track)
    for region in regions_of(track):
        path = region.files[track]
        there = regions.find(solved[path].decode(), path)[region.name].body
        here = regions.find(cut[path].decode(), path)[region.name].body
        if region.exercise < number:
            assert here == there
        else:
            assert here.strip() == region.stub(track).strip()


@pytest.mark.parametrize("track", TRACKS)
def test_the_last_stage_is_the_reference(track: Track) -> None:
    assert starter.starter(track, lambda region: True) == starter.solution(track)


def test_nothing_that_was_built_or_that_describes_the_solution_is_given() -> None:
    names = starter.solution("python")
    assert "runtime/engine" in names and "kernel/monitor.c" in names
    in_c = starter.solution("c")
    assert {"Makefile", "engine/starting.c", "kernel/monitor.c", "workloads/cpu_hog.c"} <= in_c.keys()
    for name in (*names, *in_c):
        assert not name.endswith((".o", ".ko", ".pyc", "README.md", "/try.sh", "engine/engine"))


def test_the_module_is_the_same_in_both_tracks() -> None:
    ours = {name: content for name, content in stage("07").items() if name.startswith("kernel/")}
    assert ours.items() <= stage("07", "c").items()
    both = [each for each in catalogue.all_regions() if each.name == "06.list"]
    assert {region.stub_path(track) for region in both for track in TRACKS} == {
        paths.EXERCISES / "06_kernel_monitor/stubs/python/list.c"
    }


def test_a_path_that_is_in_no_workspace_is_an_error() -> None:
    with pytest.raises(LabError, match=r"grading/cli\.py is in no workspace.*runtime, kernel"):
        starter.SOURCES["python"].place("grading/cli.py")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sources and exercises to break."""
    for name in ("runtime", "kernel", "exercises"):
        shutil.copytree(paths.CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setitem(
        starter.SOURCES,  # type: ignore[arg-type]
        "python", starter.Sources({name: tmp_path / name for name in ("runtime", "kernel")}),
    )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize(
    ("path", "old", "new", "says"),
    [
        (f"{FIVE}/stubs/python/buffer.py", None, None, "of region 05.buffer cannot be read"),
        ("runtime/supervisor/buffer.py", "region 05.buffer", "region 05.other", "05.other, which no exercise"),
        ("runtime/supervisor/rootfs.py", "# region 02.sharing\n", "", "region 02.sharing ends without having begun"),
        (f"{FIVE}/regions.toml", "supervisor/buffer.py", "supervisor/logs.py", "05.buffer is not in runtime/"),
        (f"{FIVE}/stubs/python/stray.py", None, "x = 1\n", "stray.py belongs to no region"),
        ("runtime/engine", None, "# region 05.buffer\nx\n# endregion 05.buffer\n", "Region 05.buffer stands in"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_an_error(
    path: str, old: str | None, new: str | None, says: str, copied: Path
) -> None:
    file = copied / path
    if new is None:
        file.unlink()
    elif old is None:
        file.write_text(new)
    else:
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    with pytest.raises(LabError) as caught:
        starter.check("python", copied / "exercises")
    assert says in str(caught.value)
