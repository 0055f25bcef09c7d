"""The release gate, for the tests that ask for its verdicts, and a graded guest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grading.guest.tools import tools
from grading.guest.vm import Guest, fresh_guest, remove_guest
from lab import console

MUTANTS = Path(__file__).resolve().parents[1] / "mutants"
SECONDS = 2 * 3600
"""The most that is waited for it, on a host that does much else."""


class Gate:
    """`python tests/mutants` in a process of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="boxwright-gate-")
        self.result = Path(self._folder.name) / "result.json"
        self.said = Path(self._folder.name) / "said"
        with self.said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, str(MUTANTS), "--jobs", "2", "--json", str(self.result)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def mutants(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What it says of each, by implementation and name; waits for its end."""
        self._process.wait(SECONDS)
        assert self.result.exists(), self.said.read_text()[-4000:]
        told = json.loads(self.result.read_text())
        return {(each["implementation"], each["name"]): each for each in told["mutants"]}

    def end(self) -> None:
        """End it, where it still runs; its guests go with it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(120)
        self._folder.cleanup()


@pytest.fixture(scope="session")
def gate() -> Iterator[Gate]:
    """The gate; it does not outlive the tests."""
    found = Gate()
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A guest that nothing was delivered to yet."""
    name = f"guest-{os.getpid()}"
    with console.progress(quiet=True) as progress:
        found = fresh_guest(name, tools(progress), progress)
    try:
        yield found
    finally:
        found.close()
        remove_guest(name)
