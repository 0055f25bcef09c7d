"""Tools of the host: named with their package where they are missing, and never left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.image import tools

# Prints the pid of a child that would outlive its parent, and waits for it.
LINGERS = ["sh", "-c", "sleep 300 & echo $!; wait"]


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_output_goes_to_the_log_and_to_the_listener(tmp_path: Path) -> None:
    heard: list[str] = []
    status = tools.run(["sh", "-c", "echo one; echo two >&2; exit 3"], tmp_path / "log", on_line=heard.append)
    assert (status, heard) == (3, ["one", "two"])
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_everything_ends_when_the_listener_is_interrupted(tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupted(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tools.run(LINGERS, tmp_path / "log", on_line=interrupted)
    assert is_gone(pids[0])


def test_everything_ends_when_time_is_up(tmp_path: Path) -> None:
    heard: list[str] = []
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="sh did not end within 1 s"):
        tools.run(LINGERS, tmp_path / "log", on_line=heard.append, timeout=1)
    assert time.monotonic() - began < 10
    assert is_gone(int(heard[0]))


def test_what_does_not_hear_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "END_SECONDS", 1.0)
    heard: list[str] = []
    deaf = ["sh", "-c", "trap '' TERM; sleep 300 & echo $!; wait"]
    with pytest.raises(TimeoutError):
        tools.run(deaf, tmp_path / "log", on_line=heard.append, timeout=1)
    assert is_gone(int(heard[0]))


def test_a_tool_gets_its_input_its_files_and_its_variables(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("input\n")
    inherited = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with (tmp_path / "in").open("rb") as source:
            script = f"cat; echo $WORD >/proc/self/fd/{inherited}; pwd"
            status = tools.run(
                ["sh", "-c", script],
                tmp_path / "log",
                stdin=source,
                pass_fds=[inherited],
                environment={"WORD": "variable"},
                folder=tmp_path,
            )
    finally:
        os.close(inherited)
    assert status == 0
    assert (tmp_path / "log").read_text() == f"input\n{tmp_path}\n"
    assert (tmp_path / "out").read_text() == "variable\n"


def test_a_missing_tool_is_named_with_the_package_that_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(
        LabError, match=r"The program qemu-img is not installed.*Install the package qemu-utils"
    ):
        tools.find("qemu-img")


def test_the_end_of_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert tools.tail(tmp_path / "nothing") == ""
    (tmp_path / "log").write_text("\n".join(map(str, range(100))))
    assert tools.tail(tmp_path / "log", 2) == "98\n99"
