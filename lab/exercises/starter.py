"""The starter: a track's sources with stubs in the place of regions; made from the reference each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.exercises import regions
from lab.exercises.catalogue import EXERCISES, Region, Track, all_regions, folders

MADE_BY_TOOLS = frozenset((".o", ".ko", ".mod", ".cmd", ".pyc", ".symvers", ".order"))
ELF = b"\x7fELF"


@dataclass(frozen=True)
class Sources:
    """Where the solution of a track lies."""

    places: Mapping[str, Path]
    """What stands at the top of a workspace, files and folders, and where each is in this checkout."""

    def place(self, path: str) -> Path:
        """Where a file of a workspace, named from its top, is in this checkout.

        Raises:
            LabError: a workspace has no such folder.
        """
        first, _, rest = path.partition("/")
        if first not in self.places:
            raise LabError(f"{path} is in no workspace", f"At its top is {', '.join(self.places)}.")
        return self.places[first] / rest


_IN_C = paths.CHECKOUT / "tests" / "implementations" / "c"

SOURCES: Mapping[Track, Sources] = {
    "python": Sources({name: paths.CHECKOUT / name for name in ("runtime", "kernel")}),
    # The engine of the second implementation; the module is the same in both tracks.
    "c": Sources(
        {name: _IN_C / name for name in ("Makefile", "engine", "workloads")}
        | {"kernel": paths.CHECKOUT / "kernel"}
    ),
}
"""The sources of each track, in which its regions are marked."""


def solution(track: Track) -> dict[str, bytes]:
    """Every file of a track that students get, with all regions solved: its content, by its path from the top.

    What was built here stays behind, and so do the READMEs, which describe the solution.
    """
    found: dict[str, bytes] = {}
    for name, place in SOURCES[track].places.items():
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            relative = Path(name) / path.relative_to(place)
            hidden = any(part.startswith(".") and part != ".gitignore" for part in relative.parts)
            if hidden or "__pycache__" in relative.parts or path.is_symlink() or not path.is_file():
                continue
            if path.name == "README.md" or path.suffix in MADE_BY_TOOLS or path.name == "Module.symvers":
                continue
            content = path.read_bytes()
            if not content.startswith(ELF):
                found[relative.as_posix()] = content
    return found


def starter(track: Track, solved: Callable[[Region], bool], top: Path = EXERCISES) -> dict[str, bytes]:
    """What `solution` gives, with a stub in the place of each region that is not solved.

    Args:
        track: which.
        solved: whether a region shall hold the solution.
        top: the folder of the exercises.

    Raises:
        LabError: the regions of this track are not in order.
    """
    files = solution(track)
    for path, bodies in stubs(track, (each for each in all_regions(top) if not solved(each))).items():
        if path not in files:
            raise LabError(f"There is no {path}, in which region {min(bodies)} is said to stand")
        files[path] = regions.replace(files[path].decode(), bodies, path).encode()
    return files


def stubs(track: Track, wanted: Iterable[Region]) -> dict[str, dict[str, str]]:
    """The stubs of these regions, as far as the track has them: by file, and there by region.

    Raises:
        LabError: a stub is missing.
    """
    found: dict[str, dict[str, str]] = {}
    for region in wanted:
        if track in region.files:
            found.setdefault(region.files[track], {})[region.name] = region.stub(track)
    return found


def solutions(track: Track, wanted: Iterable[Region]) -> dict[str, dict[str, str]]:
    """What the reference has in these regions, as `stubs` gives what the starter has.

    Raises:
        LabError: the reference has no such region.
    """
    found: dict[str, dict[str, str]] = {}
    for region in wanted:
        if track in region.files:
            path = region.files[track]
            there = regions.find(SOURCES[track].place(path).read_text(encoding="utf-8"), path)
            if region.name not in there:
                raise LabError(f"{path} has no region {region.name}", "Put its markers there.")
            found.setdefault(path, {})[region.name] = there[region.name].body
    return found


def check(track: Track, top: Path = EXERCISES) -> None:
    """Make sure that markers, `regions.toml` and stubs of a track agree.

    Raises:
        LabError: a region is marked and not declared, or declared and not marked there; a stub is
            missing, or belongs to no region; or the markers of a file are not in order.
    """
    declared = {each.name: each for each in all_regions(top) if track in each.files}
    marked: dict[str, str] = {}
    for path, content in solution(track).items():
        if Path(path).suffix not in (".py", ".c", ".h", ""):
            continue
        for name in regions.find(content.decode(), path):
            if name in marked:
                raise LabError(
                    f"Region {name} stands in {marked[name]} and in {path}", "Give one another name."
                )
            if name not in declared:
                raise LabError(
                    f"{path} has a region {name}, which no exercise declares",
                    f"Declare it in regions.toml of exercise {name[:2]}.",
                )
            marked[name] = path
    for name, region in declared.items():
        if marked.get(name) != region.files[track]:
            raise LabError(
                f"{region.folder / 'regions.toml'}: region {name} is not in {region.files[track]}",
                f"It is in {marked[name]}." if name in marked else "Put its markers there.",
            )
        region.stub(track)
    expected = {region.stub_path(track) for region in declared.values()}
    for folder in folders(top).values():
        for stub in sorted((folder / "stubs" / track).glob("*")):
            if stub not in expected:
                raise LabError(f"The stub {stub} belongs to no region", "Declare one, or remove it.")
