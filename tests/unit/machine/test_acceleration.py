"""Which accelerator is chosen, and why. A script stands in for QEMU: this host's KVM is what it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab import paths
from lab.console import NoProgress
from lab.errors import LabError
from lab.machine import acceleration as module
from lab.machine.acceleration import acceleration

KERNEL = Path("/nowhere/vmlinuz")


@pytest.fixture(autouse=True)
def own_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("BOXWRIGHT_ACCELERATOR", raising=False)
    monkeypatch.setattr(module, "qemu_version", lambda: "QEMU emulator version 0")
    monkeypatch.setattr(module, "FIRST_BYTE_SECONDS", 1)
    monkeypatch.setattr(module, "INIT_SECONDS", 2)
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("/dev/kvm cannot be opened here, so nothing is tried")


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """Make QEMU a shell script; returns a file that has a line for each time it ran."""
    ran = tmp_path / "ran"
    program = tmp_path / "qemu"
    program.write_text(f"#!/bin/sh\necho ran >> {ran}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(module, "qemu_binary", lambda: str(program))
    return ran


def test_a_guest_that_boots_proves_kvm_and_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = stand_in(monkeypatch, tmp_path, "echo Linux; echo Run /init as init process; exec sleep 60")
    assert acceleration(KERNEL, KERNEL, NoProgress()).accelerator == "kvm"
    assert acceleration(KERNEL, KERNEL, NoProgress()).accelerator == "kvm"
    assert ran.read_text() == "ran\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exec sleep 60", "said nothing within 1 s"),
        ("echo Linux version; exec sleep 60", "did not come to its first process within 2 s"),
        ("echo Could not access KVM kernel module >&2; exit 1", "Could not access KVM kernel module"),
        ("exit 1", "it said nothing"),
    ],
)
def test_a_guest_that_does_not_is_emulated_and_the_reason_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    stand_in(monkeypatch, tmp_path, script)
    found = acceleration(KERNEL, KERNEL, NoProgress())
    assert found.accelerator == "tcg"
    assert reason in found.reason


def test_another_kernel_or_boot_of_the_host_is_tried_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = stand_in(monkeypatch, tmp_path, "exec sleep 60")
    acceleration(KERNEL, KERNEL, NoProgress())
    record = paths.state() / "acceleration.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "identity": ["other"]}))
    acceleration(KERNEL, KERNEL, NoProgress())
    assert ran.read_text() == "ran\nran\n"


def test_what_may_be_over_in_a_minute_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such as another hypervisor that holds KVM: with it remembered, all would be slow until the next reboot."""
    busy = "failed to initialize kvm: Device or resource busy"
    stand_in(monkeypatch, tmp_path, f"echo {busy} >&2; exit 1")
    assert busy in acceleration(KERNEL, KERNEL, NoProgress()).reason
    stand_in(monkeypatch, tmp_path, "echo Linux; echo Run /init as init process; exec sleep 60")
    assert acceleration(KERNEL, KERNEL, NoProgress()).accelerator == "kvm"


def test_a_wish_decides_and_a_wrong_one_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_ACCELERATOR", "kvm")
    assert acceleration(KERNEL, KERNEL, NoProgress()).accelerator == "kvm"
    monkeypatch.setenv("BOXWRIGHT_ACCELERATOR", "hvf")
    with pytest.raises(LabError, match="Set it to kvm or tcg"):
        acceleration(KERNEL, KERNEL, NoProgress())
