"""The monitor's headers, compiled into small programs of user space."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import paths

Build = Callable[[str, Path, Path], Path]
Feed = Callable[[Path, list[str]], list[str]]


@pytest.fixture(scope="session")
def kernel() -> Path:
    """The folder of the module's sources."""
    return paths.CHECKOUT / "kernel"


@pytest.fixture(scope="session")
def build() -> Build:
    """Compile a program (source, folder for it, folder of headers); a warning is an error."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler (gcc) on this host")

    def compile_program(source: str, folder: Path, headers: Path) -> Path:
        program = folder / "program"
        code = folder / "program.c"
        code.write_text(source)
        flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{headers}"]
        result = subprocess.run(
            [compiler, *flags, "-o", program, code], check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        return program

    return compile_program


@pytest.fixture(scope="session")
def feed() -> Feed:
    """Give a program lines, get its lines."""

    def run(program: Path, lines: list[str]) -> list[str]:
        text = "".join(line + "\n" for line in lines)
        result = subprocess.run([program], check=True, input=text, capture_output=True, text=True, timeout=60)
        return result.stdout.splitlines()

    return run
