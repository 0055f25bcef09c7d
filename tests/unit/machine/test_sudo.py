"""What becomes of a command for a user who is not root: looked at by a shell, with a sudo that only runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab.machine import sudo
from lab.machine.address import SshAddress
from lab.machine.protocol import CommandResult


@pytest.fixture
def search(tmp_path: Path) -> str:
    """A PATH with a stand-in for sudo that demands the options and runs the rest; the real one is in the VM tests."""
    stand_in = tmp_path / "sudo"
    stand_in.write_text('#!/bin/sh\n[ "$1 $2" = "-n --" ] || exit 99\nshift 2\nexec "$@"\n')
    stand_in.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    "command",
    [
        'printf %s "a\'b"',
        "printf '%s' \"$((1+1))\"",
        "printf a; printf b",
        "printf a\nprintf b",
        "cat",
        "exit 7",
        "# no",
    ],
)
def test_the_line_means_the_same_through_sudo(search: str, command: str) -> None:
    line = sudo.as_root(command, "student").replace("cd /root", "cd /")  # a home that everybody may enter
    results = [
        subprocess.run(
            ["sh", "-c", each], check=False, capture_output=True, input=b"in", env={"PATH": search}
        )
        for each in (command, line)
    ]
    direct, through = ((each.returncode, each.stdout) for each in results)
    assert through == direct


def test_root_needs_no_sudo() -> None:
    assert sudo.as_root("id", "root") == "id"


def result(status: int, stderr: bytes) -> CommandResult:
    return CommandResult("x", status, b"", stderr, 0.1)


def test_only_a_failure_that_speaks_of_sudo_is_looked_into() -> None:
    assert sudo.may_have_refused(result(1, b"sudo: a password is required"))
    assert sudo.may_have_refused(result(127, b"bash: line 1: sudo: command not found"))
    assert not sudo.may_have_refused(result(0, b"sudo: unable to resolve host x"))
    assert not sudo.may_have_refused(result(1, b"no such file"))


def test_a_refusal_says_what_to_do(tmp_path: Path) -> None:
    address = SshAddress("h", 22, "student", tmp_path, tmp_path)
    assert "student ALL=(ALL) NOPASSWD" in str(
        sudo.refusal(address, result(1, b"sudo: a password is required"))
    )
    assert "There is no sudo on h" in str(sudo.refusal(address, result(127, b"sh: sudo: not found")))
