from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.console import NoProgress, Progress
from lab.doctor import tiny_guest, virtualization
from lab.doctor.finding import Finding
from lab.errors import LabError
from lab.image.store import Image
from lab.machine import qemu_command
from lab.machine.acceleration import Acceleration
from lab.machine.qemu_command import Accelerator

RAN = tiny_guest.Run(True, 0.3, "")
HUNG = tiny_guest.Run(False, 6.0, "nothing ran within 6 s")


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("BOXWRIGHT_ACCELERATOR", raising=False)
    for function in (qemu_command.qemu_binary, qemu_command.qemu_version):
        function.cache_clear()
    yield
    for function in (qemu_command.qemu_binary, qemu_command.qemu_version):
        function.cache_clear()


def fake_qemu(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    program = folder / qemu_command.host_platform().binary
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def a_qemu(version: str) -> str:
    return f"echo 'QEMU emulator version {version} (Debian)'"


# --- QEMU ---


def test_the_real_qemu_runs_the_tiny_guest() -> None:
    run = tiny_guest.run("tcg")
    assert run.ran, run.said
    assert only(virtualization.qemu()).status == "ok"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a boot sector")
def test_a_guest_that_hangs_is_not_taken_for_one_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    halt = bytes([0xF4, 0xEB, 0xFD]).ljust(510, b"\0") + b"\x55\xaa"
    monkeypatch.setattr(tiny_guest, "BOOT_SECTOR", halt)
    began = time.monotonic()
    run = tiny_guest.run("tcg", seconds=1)
    assert (run.ran, run.said) == (False, "nothing ran within 1 s")
    assert time.monotonic() - began < 5


def test_a_qemu_that_ends_is_not_taken_for_a_guest_that_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_qemu(monkeypatch, tmp_path, "echo warning; echo no such device >&2; exit 1")
    run = tiny_guest.run("tcg")
    assert (run.ran, run.said) == (False, "no such device")


def test_the_tiny_guest_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_qemu(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid; pwd > {tmp_path}/folder; exec sleep 60")
    tiny_guest.run("tcg", seconds=0.5)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert not Path((tmp_path / "folder").read_text().strip()).exists()


def test_no_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = only(virtualization.qemu())
    assert found.status == "failed"
    assert "apt-get install" in found.fix and "qemu-system-" in found.fix


def test_an_unknown_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    found = only(virtualization.qemu())
    assert (found.status, "riscv64" in found.found) == ("failed", True)


@pytest.mark.parametrize(
    ("version", "status"), [("5.2.0", "failed"), ("6.2.0", "warning"), ("7.2.22", "ok"), ("10.0.2", "ok")]
)
def test_versions_of_qemu(version: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_qemu(monkeypatch, tmp_path, a_qemu(version))
    found = only(virtualization.qemu(lambda _: RAN))
    assert (found.status, f"QEMU {version}" in found.found) == (status, True)


def test_something_else_called_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_qemu(monkeypatch, tmp_path, "echo hello")
    found = only(virtualization.qemu(lambda _: RAN))
    assert (found.status, "'hello'" in found.found) == ("failed", True)


def test_a_qemu_in_which_no_guest_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_qemu(monkeypatch, tmp_path, a_qemu("8.2.2"))
    wanted: list[Accelerator] = []

    def run(accelerator: Accelerator) -> tiny_guest.Run:
        wanted.append(accelerator)
        return tiny_guest.Run(False, 0.1, "'virtio-rng-pci' is not a valid device model name")

    found = only(virtualization.qemu(run))
    assert (found.status, wanted) == ("failed", ["tcg"])
    assert "virtio-rng-pci" in found.found


# --- KVM ---


def an_image(folder: Path) -> Image:
    return Image("trixie-x", "x", "trixie", "amd64", "6.12", 0.0, folder)


def the_kvm(
    tmp_path: Path,
    *,
    device: bool = True,
    image: bool = False,
    proof: Acceleration | None = None,
    run: tiny_guest.Run | None = None,
    cpuinfo: str = "",
) -> Finding:
    """The check on a made-up host; what must not be called is not there."""
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    node = tmp_path / "kvm"
    if device:
        node.touch()

    def prove(kernel: Path, initrd: Path, progress: Progress) -> Acceleration:
        assert proof is not None, "nothing was to be proved"
        assert (kernel, initrd) == (tmp_path / "vmlinuz", tmp_path / "initrd")
        return proof

    def boot(accelerator: Accelerator) -> tiny_guest.Run:
        assert run is not None, "no guest was to be run"
        assert accelerator == "kvm"
        return run

    images: Callable[[], list[Image]] = lambda: [an_image(tmp_path)] if image else []  # noqa: E731
    return only(
        virtualization.kvm(NoProgress(), device=node, images=images, prove=prove, run=boot, proc=tmp_path)
    )


def test_kvm_is_proved_with_the_images_kernel_where_there_is_one(tmp_path: Path) -> None:
    found = the_kvm(tmp_path, image=True, proof=Acceleration("kvm", "a guest booted under KVM"))
    assert (found.status, found.fix) == ("ok", "")
    found = the_kvm(
        tmp_path, image=True, proof=Acceleration("tcg", "/dev/kvm opens, but a guest said nothing")
    )
    assert (found.status, found.found) == ("warning", "/dev/kvm opens, but a guest said nothing")
    assert f"rm {tmp_path}/state/acceleration.json" in found.fix


def test_without_an_image_a_tiny_guest_is_run_and_no_more_is_claimed(tmp_path: Path) -> None:
    found = the_kvm(tmp_path, run=RAN)
    assert found.status == "ok"
    assert "will prove it" in found.found
    found = the_kvm(tmp_path, run=HUNG)
    assert found.status == "warning"
    assert "nothing ran within 6 s" in found.found


def test_no_kvm_is_a_warning_with_the_way_to_it(tmp_path: Path) -> None:
    found = the_kvm(tmp_path, device=False)
    assert found.status == "warning"
    assert "firmware" in found.fix
    assert "modprobe kvm_intel" in the_kvm(tmp_path / "..", device=False, cpuinfo="flags\t\t: fpu vmx\n").fix
    assert "modprobe kvm_amd" in the_kvm(tmp_path / "..", device=False, cpuinfo="flags : svm fpu\n").fix


def test_kvm_of_another_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    found = the_kvm(tmp_path)
    assert found.status == "warning"
    assert "usermod -aG kvm" in found.fix


def test_the_users_wish_is_said_and_a_wrong_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOXWRIGHT_ACCELERATOR", "tcg")
    found = the_kvm(tmp_path, image=True)
    assert (found.status, "not tried" in found.found) == ("ok", True)
    monkeypatch.setenv("BOXWRIGHT_ACCELERATOR", "hvf")
    assert the_kvm(tmp_path).status == "failed"


def test_without_qemu_nothing_is_said_about_kvm(tmp_path: Path) -> None:
    def run(accelerator: Accelerator) -> tiny_guest.Run:
        raise LabError("qemu-system-x86_64 is not installed")

    (tmp_path / "kvm").touch()
    found = only(virtualization.kvm(NoProgress(), device=tmp_path / "kvm", images=list, run=run))
    assert found == Finding("kvm", "skipped", "not tried: qemu-system-x86_64 is not installed")
