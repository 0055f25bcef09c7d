"""The linters and the rules of the house, run over the whole checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
MADE_BY_TOOLS = re.compile(
    r"\.venv|\.git|__pycache__|\.\w+_cache|\.hypothesis|\.vagrant|.*\.egg-info|demo-.*"
)
MOST_LINES = 450
LOCKS = {"requirements.lock": "dev", "requirements-site.lock": "site"}
"""And the group of dependencies that each is made of."""
REGION_MARKER = re.compile(rb"^[ \t]*(?:#|/\*) (?:end)?region \d\d\..*\n", re.MULTILINE)
"""Lines that only say where the students' work begins and ends (lab/exercises/regions.py)."""


def files() -> Iterator[Path]:
    """Every file of the checkout that people write."""
    for folder, subfolders, names in os.walk(CHECKOUT):
        subfolders[:] = sorted(name for name in subfolders if not MADE_BY_TOOLS.fullmatch(name))
        yield from (Path(folder) / name for name in sorted(names))


def shell_scripts() -> list[Path]:
    found = []
    for path in files():
        if path.suffix == ".sh":
            found.append(path)
        elif path.suffix == "" and path.is_file():
            with path.open("rb") as opened:
                first = opened.readline(100)
            if re.match(rb"#!.*\b(ba|da)?sh\b", first):
                found.append(path)
    return found


def lint(*command: str | Path, **variables: str) -> None:
    """Run a linter of this environment in the checkout; its complaints become the failure's message."""
    result = subprocess.run(
        command,
        check=False,
        cwd=CHECKOUT,
        text=True,
        capture_output=True,
        env={**os.environ, **variables},
        timeout=600,
    )
    if result.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}", pytrace=False)


def module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def test_ruff_check() -> None:
    lint(*module("ruff"), "check", "--quiet", ".")


def test_ruff_format() -> None:
    lint(*module("ruff"), "format", "--check", "--quiet", ".")


@pytest.mark.slow
def test_mypy_strict() -> None:
    lint(*module("mypy"))
    lint(*module("mypy"), *map(str, sorted(CHECKOUT.glob("exercises/*/test_*.py"))))  # no package holds them


def test_shellcheck() -> None:
    scripts = shell_scripts()
    assert {"bootstrap.sh", "run"} <= {script.name for script in scripts}
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed; ./bootstrap.sh brings it"
    lint(program, *scripts)


@pytest.mark.slow
def test_ansible_lint(tmp_path: Path) -> None:
    # Offline: it must not go looking for collections; the playbook uses built-in modules only.
    lint(
        *module("ansiblelint"),
        *("--offline", "--strict", "--profile=production", "-q", "vagrant/ansible"),
        HOME=str(tmp_path),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_index(name: str) -> None:
    lock = (CHECKOUT / name).read_text()
    assert "://" not in lock
    assert not re.search(r"^\s*-(?!-hash=)", lock, re.MULTILINE), "the lock holds an option of pip"


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_a_hash_for_everything(name: str) -> None:
    lock = (CHECKOUT / name).read_text().replace("\\\n", " ")
    for line in lock.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line


def locked(name: str) -> dict[str, set[str]]:
    """The versions in a lock, by package; several where they depend on the host."""
    found: dict[str, set[str]] = {}
    for line in (CHECKOUT / name).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_in_step_with_pyproject(name: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = list(project["dependency-groups"][LOCKS[name]])
    if name == "requirements.lock":
        wanted += project["project"]["dependencies"]
    there = locked(name)
    for requirement in map(Requirement, wanted):
        versions = there.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is in pyproject.toml and not in {name}"
        for version in versions:
            assert requirement.specifier.contains(version), f"{requirement} but {version} is locked"


def test_locks_agree() -> None:
    both, site = locked("requirements.lock"), locked("requirements-site.lock")
    assert {name: versions for name, versions in site.items() if both.get(name, versions) != versions} == {}


def test_no_program_of_ours_imports_from_where_somebody_stands() -> None:
    """`python -m` puts the working directory first on its path, and that may be a student's; `-P` does not."""
    for path in (path for folder in ("lab", "grading") for path in (CHECKOUT / folder).rglob("*.py")):
        text = " ".join(path.read_text().split())
        for found in re.finditer(r"sys\.executable\W+[\"'](-[^\"']*)", text):
            assert found[1] != "-m", f"{path.relative_to(CHECKOUT)} starts `python -m` without -P"


def test_files_are_short() -> None:
    people_write = {".py", ".c", ".h", ".sh", ".j2", ".css", ".yml", ".md", ".toml", ""}
    for path in files():
        if path.suffix in people_write and path.is_file():
            lines = len(REGION_MARKER.sub(b"", path.read_bytes()).splitlines())
            assert lines <= MOST_LINES, f"{path.relative_to(CHECKOUT)} has {lines} lines"


def test_every_room_says_what_it_is_for() -> None:
    for folder in CHECKOUT.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and not MADE_BY_TOOLS.fullmatch(folder.name):
            assert (folder / "README.md").is_file(), f"{folder.name}/ has no README.md"
