"""What was built before is taken for equal sources, kernel and tools, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab import deploy, products
from lab.console import NoProgress
from lab.machine.protocol import Machine


class Guest:
    """Answers what `deploy` runs; its `make` gives a module, and is counted."""

    def __init__(self, kernel: str = "6.12") -> None:
        self.kernel, self.builds, self.files = kernel, 0, dict[str, bytes]()

    def run(self, command: str, **_: Any) -> Any:
        if command == products.BUILT_WITH:
            return SimpleNamespace(text=self.kernel)
        if f"make -C {deploy.MONITOR_SOURCE}" in command:
            self.builds += 1
            self.files[deploy.MONITOR_MODULE] = b"built for " + self.kernel.encode()
        return SimpleNamespace(text="")

    def put(self, source: Path, destination: str) -> None:
        """Nothing looks at it."""

    def write(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def read(self, path: str) -> bytes:
        return self.files[path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path))
    return tmp_path


def deployed(guest: Guest, *, fresh: bool = True) -> Guest:
    deploy.deploy(cast(Machine, guest), NoProgress(), fresh=fresh)
    return guest


def test_a_second_machine_takes_what_the_first_built() -> None:
    assert deployed(Guest()).builds == 1
    second = deployed(Guest(), fresh=False)
    assert (second.builds, second.files[deploy.MONITOR_MODULE]) == (0, b"built for 6.12")


def test_another_kernel_or_other_tools_build_their_own() -> None:
    deployed(Guest())
    assert deployed(Guest("6.13")).builds == 1


def test_what_a_used_machine_builds_is_not_kept() -> None:
    deployed(Guest(), fresh=False)
    assert deployed(Guest()).builds == 1


def test_the_key_is_of_the_contents(tmp_path: Path) -> None:
    folder = tmp_path / "kernel"
    folder.mkdir()
    machine = cast(Machine, Guest())
    (folder / "monitor.c").write_text("int a;")
    first = products.key(machine, folder)
    (folder / "monitor.o").write_text("left behind by a build")
    assert products.key(machine, folder) == first
    (folder / "monitor.c").write_text("int b;")
    assert products.key(machine, folder) != first


def test_nothing_half_written_is_found(cache: Path) -> None:
    products.keep("one", b"whole")
    assert products.find("one") == b"whole"
    assert [each.name for each in (cache / "modules").iterdir()] == ["one"]
    assert products.find("two") is None
