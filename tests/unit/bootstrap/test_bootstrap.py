"""`bootstrap.sh` on made-up hosts (`conftest.py`): what it brings, and what it says where it cannot."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import Host

DEADLINE = 30.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="looks at what root is spared")


def wait_for(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


@as_root
def test_a_fresh_host_gets_everything_and_the_second_call_does_nothing(host: Host) -> None:
    first = host.run("bash", "-c", "echo $VIRTUAL_ENV; echo ${PATH%%:*}")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{host.checkout}/.venv\n{host.checkout}/.venv/bin\n"
    assert "qemu-system-x86 runs the lab VM" in first.stderr
    journal = host.journal()
    assert [line for line in journal if "apt-get" in line and "mmdebstrap" in line]
    assert not [line for line in journal if "update" in line]
    assert [line for line in journal if "pip" in line and "--require-hashes" in line and "--no-deps" in line]
    assert [line for line in journal if "pip" in line and "--no-build-isolation" in line]

    second = host.run("bash", "-c", "echo again")
    assert (second.returncode, second.stdout, second.stderr) == (0, "again\n", "")
    assert host.journal() == []


def test_ordinary_user_with_sudo(host: Host, ordinary_user: int | None) -> None:
    host.program("sudo", host.sudo_stub)
    first = host.run("bash", "-c", "echo ran", user=ordinary_user)
    assert (first.returncode, first.stdout) == (0, "ran\n"), first.stderr
    assert "uidmap" in first.stderr
    journal = host.journal()
    assert journal.index("sudo -v") < next(i for i, line in enumerate(journal) if line.startswith("sudo env"))

    assert host.run("true", user=ordinary_user).stderr == ""
    assert host.journal() == []


def test_no_sudo_names_the_exact_command(host: Host, ordinary_user: int | None) -> None:
    result = host.run("true", user=ordinary_user)
    assert result.returncode == 1
    assert "no sudo" in result.stderr
    command = "apt-get install --no-install-recommends qemu-system-x86 qemu-utils mmdebstrap"
    assert command in result.stderr.splitlines()[-1]
    assert host.journal() == []
    assert not host.stamp.parent.exists()


def test_sudo_that_refuses(host: Host, ordinary_user: int | None) -> None:
    host.program("sudo", host.sudo_stub)
    host.given("sudo-refuses")
    result = host.run("true", user=ordinary_user)
    assert result.returncode == 1
    assert "sudo did not let" in result.stderr
    assert "apt-get install --no-install-recommends qemu" in result.stderr
    assert not host.stamp.parent.exists()


@as_root
def test_lists_of_packages_are_fetched_only_when_they_lack_something(host: Host) -> None:
    host.given("lists-empty")
    assert host.run("true").returncode == 0
    asked = [line.split()[-1] for line in host.journal() if "update" in line]
    assert asked == ["update"]


@as_root
def test_apt_that_fails_is_said_and_nothing_goes_on(host: Host) -> None:
    host.given("apt-fails")
    result = host.run("echo", "went on")
    assert (result.returncode, result.stdout) == (1, "")
    assert "apt-get could not install" in result.stderr
    assert not host.stamp.parent.exists()


@as_root
def test_standard_output_belongs_to_the_command(host: Host) -> None:
    assert host.run("echo", "{}").stdout == "{}\n"


@as_root
def test_status_of_the_command_passes_through(host: Host) -> None:
    assert host.run("bash", "-c", "exit 7").returncode == 7
    missing = host.run("no-such-command")
    assert missing.returncode == 127
    assert missing.stderr.splitlines()[-1].startswith("bootstrap: no command no-such-command")


@as_root
def test_killed_installation_is_not_believed(host: Host) -> None:
    host.given("pip-hangs")
    process = host.start("true")
    wait_for(host.root / "pip-runs")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    assert (host.checkout / ".venv").exists()
    assert not host.stamp.exists()
    host.no_longer("pip-hangs")
    host.journal()

    again = host.run("echo", "ran")
    assert (again.returncode, again.stdout) == (0, "ran\n"), again.stderr
    assert "venv 3.11" in host.journal()


@as_root
def test_failed_pip_is_said_and_not_believed(host: Host) -> None:
    host.given("pip-fails")
    result = host.run("echo", "went on")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("bootstrap: pip could not install")
    assert not host.stamp.exists()


@as_root
def test_two_at_once_install_once(host: Host) -> None:
    processes = [host.start("echo", "ran") for _ in range(3)]
    outcomes = [process.communicate(timeout=DEADLINE) for process in processes]
    assert [out for out, _ in outcomes] == ["ran\n"] * 3, outcomes
    assert host.journal().count("venv 3.11") == 1


@as_root
def test_the_command_does_not_hold_the_lock(host: Host) -> None:
    host.run("true")
    (host.checkout / "requirements.lock").write_text("second\n")
    running = host.start("bash", "-c", 'touch "$HOST/running"; exec sleep 60')
    try:
        wait_for(host.root / "running")
        (host.checkout / "requirements.lock").write_text("third\n")
        assert host.run("true").returncode == 0
    finally:
        running.kill()
        running.communicate(timeout=DEADLINE)


@as_root
def test_changed_lock_brings_the_environment_up_to_date(host: Host) -> None:
    host.run("true")
    host.journal()
    (host.checkout / "requirements.lock").write_text("second\n")
    host.run("true")
    journal = host.journal()
    assert [line for line in journal if "--require-hashes" in line]
    assert not [line for line in journal if line.startswith("venv")]
    host.run("true")
    assert host.journal() == []


@as_root
@pytest.mark.parametrize("change", ["moved", "other python", "python gone"])
def test_environment_that_no_longer_fits_is_made_anew(host: Host, change: str) -> None:
    host.run("true")
    host.journal()
    inner = host.checkout / ".venv/bin/python"
    if change == "moved":
        host.checkout = host.checkout.rename(host.root / "elsewhere")
    elif change == "other python":
        inner.write_text(host.python_stub.replace("VERSION", "3.12"))
    else:
        inner.unlink()
    assert host.run("true").returncode == 0
    assert "venv 3.11" in host.journal()


@as_root
def test_newest_python_that_works_is_chosen(host: Host) -> None:
    host.python("3.12")
    host.python("3.14")
    host.program("python3.13", "#!/bin/sh\nexit 127\n")  # a version manager's name without a version
    host.run("true")
    assert "venv 3.12" in host.journal()


@as_root
def test_python_that_the_user_names(host: Host) -> None:
    host.python("3.12")
    host.run("true", BOXWRIGHT_PYTHON="python3.11")
    assert "venv 3.11" in host.journal()
    (host.stamp).unlink()
    refused = host.run("true", BOXWRIGHT_PYTHON="python2")
    assert refused.returncode == 1
    assert "BOXWRIGHT_PYTHON=python2" in refused.stderr


@as_root
def test_no_python_is_one_sentence(host: Host) -> None:
    host.given("too-old")
    result = host.run("true")
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_apt_is_one_sentence(host: Host) -> None:
    (host.tools / "apt-get").unlink()
    result = host.run("true")
    assert result.returncode == 1
    assert "no apt" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_other_processors_are_one_sentence(host: Host) -> None:
    host.program("uname", "#!/bin/sh\necho riscv64\n")
    result = host.run("true")
    assert result.returncode == 1
    assert "riscv64" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(host: Host, option: str) -> None:
    result = host.run(option)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: bootstrap.sh")
    assert host.journal() == []


@as_root
def test_with_vagrant_brings_what_vagrant_up_needs(host: Host) -> None:
    assert host.run("true").returncode == 0
    host.journal()
    assert host.run("--with", "vagrant", "bash", "-c", "echo ran").stdout == "ran\n"
    [installed] = [line for line in host.journal() if " install " in line and "simulate" not in line]
    assert {"vagrant", "vagrant-libvirt", "libvirt-daemon-system", "rsync"} <= set(installed.split())
    assert "qemu-utils" not in installed.split()
    assert host.run("--with", "vagrant", "true").stderr == ""
    assert host.journal() == []


@as_root
def test_a_vagrant_that_is_there_stays(host: Host) -> None:
    assert host.run("true").returncode == 0
    host.journal()
    host.program("vagrant", "#!/bin/sh\n")
    assert host.run("--with", "vagrant", "true").returncode == 0
    [installed] = [line for line in host.journal() if " install " in line and "simulate" not in line]
    assert "libvirt-daemon-system" in installed.split()
    assert "vagrant" not in installed.split()


@as_root
@pytest.mark.parametrize(
    ("what", "words"), [("vagrant", "as its makers say"), ("browser", "as their makers say")]
)
def test_what_apt_does_not_know(host: Host, what: str, words: str) -> None:
    assert host.run("true").returncode == 0
    host.given("apt-fails")
    result = host.run("--with", what, "true")
    assert result.returncode == 1
    assert words in result.stderr


@as_root
def test_with_browser_brings_one_where_there_is_none(host: Host) -> None:
    assert host.run("true").returncode == 0
    host.journal()
    with_both = ("--with", "vagrant", "--with", "browser", "true")
    assert host.run(*with_both).returncode == 0
    [installed] = [line for line in host.journal() if " install " in line and "simulate" not in line]
    assert {"chromium", "vagrant"} <= set(installed.split())
    assert host.run(*with_both).stderr == ""
    assert host.journal() == []


@as_root
def test_a_browser_that_is_there_stays(host: Host) -> None:
    assert host.run("true").returncode == 0
    host.journal()
    host.program("google-chrome", "#!/bin/sh\n")
    assert host.run("--with", "browser", "true").stderr == ""
    assert host.journal() == []


def test_with_site_brings_its_own_lock_once(host: Host) -> None:
    assert host.run("true").returncode == 0
    assert not [line for line in host.journal() if "requirements-site.lock" in line]
    assert host.run("--with", "site", "true").returncode == 0
    assert [line for line in host.journal() if "requirements-site.lock" in line]
    assert host.run("--with", "site", "true").stderr == ""
    assert not [line for line in host.journal() if line.startswith("pip")]
    (host.checkout / "requirements-site.lock").write_text("second\n")
    assert host.run("true").stderr == ""  # who does not ask for it is not held up
    host.given("pip-fails")
    failed = host.run("--with", "site", "true")
    assert failed.returncode != 0 and "pip could not install requirements-site.lock" in failed.stderr
    host.no_longer("pip-fails")
    assert host.run("--with", "site", "true").returncode == 0
    assert host.run("--with", "site", "true").stderr == ""


@pytest.mark.parametrize("words", [("--with",), ("--with", "podman", "true")])
def test_with_something_else(host: Host, words: tuple[str, ...]) -> None:
    result = host.run(*words)
    assert result.returncode == 1
    assert "--with takes `vagrant`, `browser` or `site`" in result.stderr
    assert host.journal() == []


def test_unknown_option(host: Host) -> None:
    result = host.run("--frobnicate")
    assert result.returncode == 1
    assert "--frobnicate" in result.stderr
