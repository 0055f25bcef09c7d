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
