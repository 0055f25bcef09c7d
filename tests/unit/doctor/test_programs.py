from __future__ import annotations

import hashlib
import os
import subprocess
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from lab import paths
from lab.doctor import programs
from lab.doctor.finding import Finding


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ((3, 10, 12), "failed"),
        ((3, 11, 0), "ok"),
        ((3, 13, 5), "ok"),
        ((3, 14, 0), "warning"),
        ((4, 0, 0), "warning"),
    ],
)
def test_pythons(version: tuple[int, ...], status: str) -> None:
    assert only(programs.python(version)).status == status


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment that bootstrap.sh finished."""
    (tmp_path / "requirements.lock").write_text("a==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv").mkdir()
    digest = hashlib.sha256(b"a==1\n[project]\n").hexdigest()
    (tmp_path / ".venv/boxwright-stamp").write_text(f"{tmp_path}\n3.11.2\n{digest}\n")
    return tmp_path


def the_venv(checkout: Path, **changes: Path) -> Finding:
    arguments = {"prefix": checkout / ".venv", "base": Path("/usr"), "checkout": checkout, **changes}
    return only(programs.venv(**arguments))


def test_a_finished_environment_is_good(checkout: Path) -> None:
    assert the_venv(checkout).status == "ok"


def test_no_environment_at_all(checkout: Path) -> None:
    found = the_venv(checkout, prefix=Path("/usr"))
    assert (found.status, found.fix) == ("warning", "./bootstrap.sh lab doctor")


def test_an_interrupted_environment(checkout: Path) -> None:
    (checkout / ".venv/boxwright-stamp").unlink()
    found = the_venv(checkout)
    assert (found.status, found.fix) == ("warning", "./bootstrap.sh")
    assert "not finished" in found.found


def test_an_environment_older_than_the_lock(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("a==2\n")
    found = the_venv(checkout)
    assert found.status == "warning"
    assert "older" in found.found


def test_somebody_elses_environment_is_named(checkout: Path, tmp_path: Path) -> None:
    found = the_venv(checkout, prefix=tmp_path / "mine")
    assert found.status == "ok"
    assert str(tmp_path / "mine") in found.found


def test_the_stamp_is_read_as_bootstrap_writes_it() -> None:
    """The hash is made by bootstrap.sh's own words, so that a change of them shows here."""
    script = (paths.CHECKOUT / "bootstrap.sh").read_text()
    begin = script.index("inputs_hash() {")
    function = script[begin : script.index("}", begin) + 1]
    said = subprocess.run(
        ["bash", "-c", f"here={paths.CHECKOUT}\n{function}\ninputs_hash"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    both = (paths.CHECKOUT / "requirements.lock").read_bytes() + (
        paths.CHECKOUT / "pyproject.toml"
    ).read_bytes()
    assert said == hashlib.sha256(both).hexdigest()
    assert "environment_identity && inputs_hash" in script, "the hash is no longer the stamp's last line"


LOCK = """\
# a comment
one==1.0 \\
    --hash=sha256:00
    # via two
two==2.0 ; python_version >= "3" \\
    --hash=sha256:00
old==3.0 ; python_version < "3" \\
    --hash=sha256:00
"""


def the_dependencies(tmp_path: Path, there: dict[str, str]) -> Finding:
    (tmp_path / "lock").write_text(LOCK)

    def installed(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    return only(programs.dependencies(tmp_path / "lock", installed))


def test_packages_as_locked_and_those_for_other_pythons_left_out(tmp_path: Path) -> None:
    found = the_dependencies(tmp_path, {"one": "1.0", "two": "2.0"})
    assert (found.status, found.found) == ("ok", "2 packages, all as locked")


def test_a_missing_package(tmp_path: Path) -> None:
    found = the_dependencies(tmp_path, {"one": "1.0"})
    assert (found.status, found.fix) == ("failed", "./bootstrap.sh")
    assert "two" in found.found


def test_another_version(tmp_path: Path) -> None:
    found = the_dependencies(tmp_path, {"one": "1.1", "two": "2.0"})
    assert found.status == "warning"
    assert "one 1.1 instead of 1.0" in found.found


def test_of_many_missing_packages_a_few_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("".join(f"p{number}==1\n" for number in range(6)))

    def installed(name: str) -> str:
        raise PackageNotFoundError(name)

    assert only(programs.dependencies(lock, installed)).found == "not installed: p0, p1, p2, p3 and 2 more"
    lock.write_text("".join(f"p{number}==1\n" for number in range(4)))
    assert only(programs.dependencies(lock, installed)).found == "not installed: p0, p1, p2, p3"


def test_the_real_lock_is_read() -> None:
    names = {each.name for each in programs.locked((paths.CHECKOUT / "requirements.lock").read_text())}
    assert {"fabric", "qemu-qmp", "typer"} <= {name.replace(".", "-") for name in names}


def a_checkout_from(folder: Path, moment: float) -> Path:
    (folder / "lab").mkdir(exist_ok=True)
    file = folder / "lab/file.py"
    file.touch()
    os.utime(file, (moment, moment))
    return folder


def test_a_good_clock(tmp_path: Path) -> None:
    assert only(programs.clock(checkout=a_checkout_from(tmp_path, time.time()))).status == "ok"


def test_a_clock_before_a_file_of_the_checkout(tmp_path: Path) -> None:
    found = only(programs.clock(checkout=a_checkout_from(tmp_path, time.time() + 3600)))
    assert found.status == "failed"
    assert "timedatectl" in found.fix


def test_a_clock_before_the_last_commit(tmp_path: Path) -> None:
    checkout = a_checkout_from(tmp_path, 1_000_000_000)
    environment = {**os.environ, "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z", "HOME": str(tmp_path)}
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True, env=environment)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True, env=environment)
    early = only(programs.clock(checkout=checkout, now=lambda: 1_500_000_000.0))
    assert (early.status, "2020-01-01" in early.found) == ("failed", True)
    assert only(programs.clock(checkout=checkout, now=lambda: 1_700_000_000.0)).status == "ok"


def test_the_clock_is_judged_without_git_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.image.tools.SEARCH_PATH", str(tmp_path))
    assert only(programs.clock(checkout=a_checkout_from(tmp_path, 1_000_000_000))).status == "ok"


def test_a_monotonic_clock_that_goes_back(tmp_path: Path) -> None:
    readings = iter([*range(500), *range(490, 2000)])
    found = only(programs.clock(checkout=tmp_path, monotonic=lambda: float(next(readings))))
    assert found.status == "failed"
    assert "went back" in found.found


def in_path(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> None:
    """Make `folder` the first place where programs are looked for, with these in it."""
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setattr("lab.image.tools.SEARCH_PATH", f"{folder}:/usr/bin:/bin")


def test_openssh_is_told_from_other_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_path(monkeypatch, tmp_path, ssh="echo 'OpenSSH_9.2p1 Debian-2, OpenSSL 3' >&2")
    assert only(programs.ssh()) == Finding("ssh", "ok", "OpenSSH_9.2p1 Debian-2")
    in_path(monkeypatch, tmp_path, ssh="echo Dropbear >&2")
    assert only(programs.ssh()).status == "failed"
    in_path(monkeypatch, tmp_path, ssh="echo OpenSSH; exit 1")
    assert only(programs.ssh()).status == "failed"
    monkeypatch.setattr("lab.image.tools.SEARCH_PATH", str(tmp_path / "nowhere"))
    missing = only(programs.ssh())
    assert (missing.status, "openssh-client" in missing.fix) == ("failed", True)
