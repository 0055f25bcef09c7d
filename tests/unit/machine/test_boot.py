"""What is tried again, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import CommandTimeout, LabError, MachineError
from lab.machine import boot, process


@pytest.mark.parametrize("error", [boot.BootFailed("hung"), CommandTimeout("hung later")])
def test_a_guest_that_did_not_answer_is_booted_once_more(error: LabError) -> None:
    failing = [error]

    def attempt() -> None:
        if failing:
            raise failing.pop()

    boot.retried_once(attempt)
    assert not failing


def test_a_guest_that_never_answers_is_given_up_after_the_second_boot() -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise boot.BootFailed("hung")

    with pytest.raises(boot.BootFailed):
        boot.retried_once(attempt)
    assert len(attempts) == 2


def test_a_qemu_that_refuses_its_arguments_is_not_asked_again(tmp_path: Path) -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        process.start(["sh", "-c", "echo bad option >&2; exit 1"], tmp_path)

    with pytest.raises(MachineError, match="bad option"):
        boot.retried_once(attempt)
    assert len(attempts) == 1


@pytest.mark.parametrize("said_in", ["qemu.log", "qemu.stderr"])
def test_a_qemu_that_ended_is_said_to_have_ended_and_not_to_be_slow(tmp_path: Path, said_in: str) -> None:
    (tmp_path / said_in).write_text("warning: of old\nqemu: could not map memory\n\n")
    (tmp_path / "serial.log").write_text("[    0.1] Linux version 6.12\n")
    with pytest.raises(boot.BootFailed) as failed:
        boot.await_first_answer(tmp_path, boot.free_port(), 100)
    assert failed.value.what == (
        f"QEMU of {tmp_path.name} ended while its guest booted: qemu: could not map memory"
    )
    assert "df" in failed.value.remedy
    assert "Linux version" in failed.value.detail


def test_a_qemu_that_was_killed_had_no_last_words(tmp_path: Path) -> None:
    with pytest.raises(boot.BootFailed, match=r"ended while its guest booted\. Look whether"):
        boot.await_first_answer(tmp_path, boot.free_port(), 100)


def test_a_guest_that_panicked_is_not_said_to_have_taken_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a guest there is no panic: QEMU's word for it is stood in for."""
    monkeypatch.setattr(process, "state", lambda _: "guest-panicked")
    with pytest.raises(boot.BootFailed, match=r"did not boot: it is guest-panicked"):
        boot.await_first_answer(tmp_path, boot.free_port(), 100)


def test_a_guest_that_hangs_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise: a guest that runs and never greets."""
    monkeypatch.setattr(process, "state", lambda _: "running")
    with pytest.raises(boot.BootFailed, match=r"did not boot within 0 s: No SSH server answered"):
        boot.await_first_answer(tmp_path, boot.free_port(), 0.2)
