"""From `lab box` and `vagrant up` to `vagrant destroy`, in the order in which a user would do it."""

from __future__ import annotations

import json
import mmap
import re
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import paths
from lab.console import NoProgress
from lab.image.golden import golden_image

if TYPE_CHECKING:
    from private_libvirt import PrivateLibvirt

pytestmark = [pytest.mark.vm, pytest.mark.slow]

UP_SECONDS = 50.0
"""What `vagrant up` may take with the local box where nothing else is going on."""
LOADED = 4.0
"""How much longer anything may take before it counts as hung: this host may be busy."""


@pytest.fixture(scope="module")
def box(private_libvirt: PrivateLibvirt) -> dict[str, str]:
    """The local box, and a student's folder."""
    golden_image(progress=NoProgress())
    private_libvirt.workspace.mkdir()
    (private_libvirt.workspace / "engine.c").write_text("int main(void) { return 0; }\n")
    made: dict[str, str] = json.loads(private_libvirt.lab("box", "--json", timeout=120, stderr=False))
    return made


@pytest.fixture(scope="module")
def vm(private_libvirt: PrivateLibvirt, box: dict[str, str]) -> PrivateLibvirt:
    """`vagrant up` was called; the test that comes last destroys the machine."""
    began = time.monotonic()
    said = private_libvirt.run("vagrant", "up", timeout=UP_SECONDS * LOADED)
    print(f"\nvagrant up: {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure for who looks
    assert f"(v{box['version']})" in said
    return private_libvirt


def in_guest(vm: PrivateLibvirt, command: str) -> str:
    return vm.lab("--machine", "vagrant", "ssh", "--", command, timeout=30 * LOADED)


def test_a_second_call_finds_the_box(private_libvirt: PrivateLibvirt, box: dict[str, str]) -> None:
    again = json.loads(private_libvirt.lab("box", "--json", timeout=60, stderr=False))
    assert again == box


def test_the_box_is_small_and_holds_no_secret(private_libvirt: PrivateLibvirt, box: dict[str, str]) -> None:
    """Of all keys that were ever in the image, only the public one for the login is in the box's disk."""
    file, folder = Path(box["file"]), private_libvirt.folder
    assert file.stat().st_size < 300 << 20
    with tarfile.open(file) as archive:
        assert set(archive.getnames()) == {"metadata.json", "Vagrantfile", "box.img"}
        archive.extract("box.img", folder, filter="data")
    disk = folder / "disk.raw"
    convert = ("qemu-img", "convert", "-O", "raw")
    private_libvirt.run(*convert, str(folder / "box.img"), str(disk), timeout=60 * LOADED)
    own = Path(private_libvirt.environment["BOXWRIGHT_STATE"]) / "keys"
    builders = paths.state() / "keys"  # of the lab that made the image
    with disk.open("rb") as content, mmap.mmap(content.fileno(), 0, prot=mmap.PROT_READ) as found:
        assert found.find((own / "login.pub").read_bytes()) >= 0  # what is there is found
        assert found.find((builders / "login.pub").read_bytes()) < 0
        for key in (own / "login", own / "host", builders / "login", builders / "host"):
            assert found.find(key.read_bytes().splitlines()[2]) < 0, key
    disk.unlink()


def test_up_gives_the_lab_vm_provisioned(vm: PrivateLibvirt) -> None:
    assert "cpu_hog" in in_guest(vm, "ls /srv/boxwright/rootfs-base")
    status = json.loads(vm.lab("--machine", "vagrant", "status", "--json", timeout=60, stderr=False))
    [machine] = [each for each in status if each["name"] == "vagrant"]
    assert (machine["state"], machine["kind"], machine["suite"]) == ("running", "vagrant", "trixie")


def test_programs_stay_where_they_are(vm: PrivateLibvirt) -> None:
    """Its processor is emulated: else every program would be translated anew each time it is started."""
    said = in_guest(vm, "cat /proc/sys/kernel/randomize_va_space")
    assert said.splitlines()[-1] == "0", said  # the progress of `lab ssh` stands before it


def test_the_students_folder_is_in_it(vm: PrivateLibvirt) -> None:
    assert "int main" in in_guest(vm, "cat /workspace/engine.c")
    (vm.workspace / "monitor.c").write_text("/* new */\n")
    vm.run("vagrant", "rsync", timeout=30 * LOADED)
    assert "new" in in_guest(vm, "cat /workspace/monitor.c")


def test_provisioning_again_changes_nothing(vm: PrivateLibvirt) -> None:
    said = vm.run("vagrant", "provision", timeout=60 * LOADED)
    assert re.search(r"ok=\d+ +changed=0 +unreachable=0 +failed=0", said), said


def test_snapshots_of_vagrant_and_of_lab(vm: PrivateLibvirt) -> None:
    """Each can go back to what the other has taken; memory comes back, too."""
    in_guest(vm, "touch /root/before /run/before")
    vm.run("vagrant", "snapshot", "save", "one", timeout=30 * LOADED)
    in_guest(vm, "rm /root/before /run/before; touch /root/after")
    vm.lab("--machine", "vagrant", "restore", "one", timeout=60 * LOADED)
    assert in_guest(vm, "ls /root/before /run/before /root/after 2>&1 || true").count("before") == 2
    assert abs(int(in_guest(vm, "date +%s").split()[-1]) - time.time()) < 60

    vm.lab("--machine", "vagrant", "snapshot", "two", timeout=60 * LOADED)
    in_guest(vm, "rm /root/before")
    vm.run("vagrant", "snapshot", "restore", "--no-provision", "two", timeout=60 * LOADED)
    assert "before" in in_guest(vm, "ls /root")


def test_demonstrations_hold_in_it(vm: PrivateLibvirt) -> None:
    """Two that need everything: the module, both limits, and that nothing is left. All eight take minutes here."""
    report = json.loads(
        vm.lab(
            *("--machine", "vagrant", "demo", "--only", "6,8", "--json", "--output", str(vm.folder / "demo")),
            timeout=150 * LOADED,
            stderr=False,
        )
    )
    assert report["holds"]
    assert len(report["demonstrations"]) == 2


def test_the_doctor_finds_nothing_wrong_in_it(vm: PrivateLibvirt) -> None:
    """With the engine and the module there, as the demonstrations have left them."""
    vm.lab("doctor", "--guest", "vagrant", timeout=60 * LOADED)


def test_destroy_leaves_nothing(vm: PrivateLibvirt) -> None:
    vm.run("vagrant", "destroy", "--force", timeout=30 * LOADED)
    assert "vagrant_default" not in vm.run("virsh", "-c", "qemu:///system", "list", "--all", timeout=20)
    status = json.loads(vm.lab("--machine", "vagrant", "status", "--json", timeout=60, stderr=False))
    assert [each["state"] for each in status if each["name"] == "vagrant"] in ([], ["not created"])
