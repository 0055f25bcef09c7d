from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.doctor import vagrant
from lab.doctor.finding import Finding


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with Vagrant, without a provider."""
    (tmp_path / "bin").mkdir()
    program(tmp_path, "vagrant", "echo Vagrant 2.3.4")
    (tmp_path / "gems").mkdir()
    return tmp_path


def program(host: Path, name: str, script: str = "exit 0") -> None:
    (host / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (host / "bin" / name).chmod(0o755)


@pytest.fixture
def libvirt(host: Path) -> Iterator[None]:
    """A libvirt that runs."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(host / "libvirt-sock"))
        server.listen()
        yield


def the_vagrant(host: Path, **changes: Callable[[Path], bool]) -> Finding:
    (found,) = vagrant.vagrant(
        search=str(host / "bin"), home=host, gems=[host / "gems"], sockets=[host / "libvirt-sock"], **changes
    )
    assert found.status in ("ok", "warning"), "Vagrant is an extra"
    return found


def test_no_vagrant(host: Path) -> None:
    (host / "bin/vagrant").unlink()
    found = the_vagrant(host)
    assert (found.status, found.fix.endswith("vagrant vagrant-libvirt")) == ("warning", True)


def test_a_vagrant_that_does_not_run(host: Path) -> None:
    program(host, "vagrant", "echo no ruby; exit 1")
    found = the_vagrant(host)
    assert (found.status, "no ruby" in found.found) == ("warning", True)
    program(host, "vagrant", "echo hello")
    assert the_vagrant(host).status == "warning"
    program(host, "vagrant", "echo Vagrant 2.3.4; exit 1")
    (host / "gems/vagrant-libvirt-0.11.2.gemspec").touch()
    assert "fails" in the_vagrant(host).found


def test_no_provider(host: Path) -> None:
    found = the_vagrant(host)
    assert (found.status, found.fix.endswith(" vagrant-libvirt")) == ("warning", True)
    assert "Vagrant 2.3.4, but no provider" in found.found


@pytest.mark.usefixtures("libvirt")
@pytest.mark.parametrize("file", ["gems/vagrant-libvirt-0.11.2.gemspec", "gems/vagrant-libvirt.json"])
def test_libvirt_as_the_distribution_installs_it(host: Path, file: str) -> None:
    (host / file).touch()
    assert the_vagrant(host) == Finding("vagrant", "ok", "Vagrant 2.3.4, provider libvirt")


@pytest.mark.usefixtures("libvirt")
def test_libvirt_as_vagrant_installs_it(host: Path) -> None:
    (host / "plugins.json").write_text(json.dumps({"version": "1", "installed": {"vagrant-libvirt": {}}}))
    assert the_vagrant(host).status == "ok"
    (host / "plugins.json").write_text("{")
    assert the_vagrant(host).status == "warning"


@pytest.mark.usefixtures("libvirt")
def test_vagrants_own_description_is_no_provider(host: Path) -> None:
    (host / "gems/vagrant-2.3.4.gemspec").touch()
    (host / "gems/vagrant-mutate-1.2.gemspec").touch()
    assert the_vagrant(host).status == "warning"


def test_libvirt_that_does_not_run(host: Path) -> None:
    (host / "gems/vagrant-libvirt-0.11.2.gemspec").touch()
    found = the_vagrant(host)
    assert (found.status, "systemctl enable --now libvirtd" in found.fix) == ("warning", True)


@pytest.mark.usefixtures("libvirt")
def test_libvirt_that_this_user_may_not_use(host: Path) -> None:
    (host / "gems/vagrant-libvirt-0.11.2.gemspec").touch()
    found = the_vagrant(host, may_use=lambda _: False)
    assert (found.status, "usermod -aG libvirt" in found.fix) == ("warning", True)


def test_virtualbox_is_enough(host: Path) -> None:
    program(host, "VBoxManage")
    assert the_vagrant(host).found == "Vagrant 2.3.4, provider virtualbox"
    (host / "gems/vagrant-libvirt-0.11.2.gemspec").touch()  # which does not run here
    assert the_vagrant(host).status == "ok"
