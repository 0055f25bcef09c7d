"""The C track: whatever of it is solved, the engine is built without a warning and answers with its usage."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.exercises import catalogue, starter
from lab.exercises.catalogue import Region

FLAGS = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread", "-Ikernel")
REGIONS = [each for each in catalogue.all_regions() if "c" in each.files]
IN_C = [each for each in REGIONS if each.files["c"].startswith("engine/")]

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")


@pytest.fixture(scope="module")
def objects() -> dict[bytes, Path]:
    """What was compiled so far, by its source: most stages share most files."""
    return {}


def compiled(solved: Callable[[Region], bool], folder: Path, objects: dict[bytes, Path]) -> list[Path]:
    """Compile each file of the engine of a workspace; nothing may be said about any of them."""
    files = starter.starter("c", solved)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, content in files.items():
        if name.startswith("engine/") and name.endswith(".c") and content not in objects:
            done = subprocess.run(
                ["gcc", *FLAGS, "-c", "-o", f"{name[:-2]}.o", name],
                cwd=folder, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")
            objects[content] = folder / f"{name[:-2]}.o"
    return [objects[files[name]] for name in files if name.startswith("engine/") and name.endswith(".c")]


@pytest.mark.parametrize("number", sorted(catalogue.folders()))
def test_each_stage_builds_and_answers_with_its_usage(
    number: str, tmp_path: Path, objects: dict[bytes, Path]
) -> None:
    parts = compiled(lambda region: region.exercise < number, tmp_path, objects)
    subprocess.run(["gcc", "-pthread", "-o", tmp_path / "program", *parts], check=True)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False)
    assert done.returncode == 125 and done.stdout == ""
    assert all(word in done.stderr for word in ("supervisor", "start", "run", "ps", "logs", "stop"))


@pytest.mark.parametrize("name", [region.name for region in IN_C])
def test_each_region_alone_is_missing_or_solved_without_a_warning(
    name: str, tmp_path: Path, objects: dict[bytes, Path]
) -> None:
    compiled(lambda region: region.name != name, tmp_path / "missing", objects)
    compiled(lambda region: region.name == name, tmp_path / "solved", objects)


def test_the_makefile_builds_it_where_it_is_looked_for(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    for name, content in starter.starter("c", lambda region: False).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    subprocess.run(
        ["make", "-s", "engine", "CFLAGS=-O0 -D_GNU_SOURCE -pthread -Ikernel"], cwd=tmp_path, check=True
    )
    done = subprocess.run([tmp_path / "engine/engine", "ps"], capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "no supervisor answers" in done.stderr
    subprocess.run(["make", "-s", "clean", f"KDIR={tmp_path / 'none'}"], cwd=tmp_path, check=True)
    assert not (tmp_path / "engine/engine").exists() and not list(tmp_path.rglob("*.o"))


def test_most_of_the_python_track_is_there() -> None:
    without = {each.name for each in catalogue.all_regions()} - {each.name for each in REGIONS}
    assert without == {"04.serving"}
