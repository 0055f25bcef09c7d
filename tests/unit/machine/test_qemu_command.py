from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.machine import qemu_command
from lab.machine.qemu_command import BootFiles, Hardware, Memory, command_line

BOOT = BootFiles(Path("/i/disk.qcow2"), Path("/i/vmlinuz"), Path("/i/initrd"), "quiet")


@pytest.fixture(autouse=True)
def no_real_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_command, "qemu_binary", lambda: "/usr/bin/qemu-system-x86_64")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def a_command(**changes: object) -> str:
    arguments: dict[str, object] = {
        "name": "one", "folder": Path("/s/one"), "boot": BOOT, "hardware": Hardware(),
        "accelerator": "tcg", "port": 2222,
    }  # fmt: skip
    return " ".join(command_line(**{**arguments, **changes}))  # type: ignore[arg-type]


def test_only_the_loopback_address_leads_in_and_nothing_leads_out() -> None:
    assert "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22" in a_command()


def test_a_clone_never_writes_to_its_templates_memory() -> None:
    assert "mem-path=/t/memory,share=off" in a_command(
        memory=Memory(Path("/t/memory"), shared=False), resume=True
    )
    assert "mem-path=/t/memory,share=on" in a_command(memory=Memory(Path("/t/memory"), shared=True))


def test_a_comma_in_a_path_does_not_end_the_option() -> None:
    assert "filename=/s/a,,b/disk.qcow2" in a_command(folder=Path("/s/a,b"))


def test_the_processor_follows_the_accelerator() -> None:
    assert "-accel kvm -cpu host" in a_command(accelerator="kvm")
    assert "-accel tcg,tb-size=256 -cpu Nehalem" in a_command()


def test_only_an_emulated_guest_gives_up_what_makes_emulation_slow() -> None:
    assert "mitigations=off norandmaps quiet" in a_command()
    assert "norandmaps" not in a_command(accelerator="kvm")


def test_an_unknown_processor_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(LabError, match="No lab VM is known for a riscv64 processor"):
        a_command()


def test_started_again_it_is_the_same_but_waits_and_may_have_another_port(tmp_path: Path) -> None:
    disk = BootFiles(tmp_path / "disk", tmp_path / "kernel", tmp_path / "initrd", "")
    first = command_line(
        name="x", folder=tmp_path, boot=disk, hardware=Hardware(), accelerator="tcg", port=2222, resume=True
    )  # fmt: skip
    again = qemu_command.paused_again(first, 2222, 2223)
    assert again[-1] == "-S" and "-incoming" not in again and "defer" not in again
    assert [each for each in again if "hostfwd" in each] == [
        "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2223-:22"
    ]
    assert qemu_command.paused_again(again, 2223, 2222) == qemu_command.paused_again(first, 2222, 2222)
