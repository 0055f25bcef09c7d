"""Every command of docs/authors.md that needs no VM, typed in a copy of the checkout, with what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from workshop import CHECKOUT, EXAMPLE, FOLDER, Clone

from lab.exercises import consoles
from lab.site.fences import parts

PAGE = "docs/authors.md"
MARK = "\x1ethe next"
IDENTITY = {f"GIT_{who}_{what}": "Ann" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def blocks() -> list[consoles.Block]:
    """The page's console blocks."""
    found, line = [], 1
    for language, lines in parts((CHECKOUT / PAGE).read_text()):
        if language == "console":
            found.append(consoles.parse_block(lines[1:-1], line, PAGE))
        line += len(lines)
    return found


def bash(clone: Clone, script: str) -> str:
    """What a script prints in the copy, with a `lab` of its own."""
    tools = clone.top / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "lab").write_text(
        f"#!{sys.executable}\nimport sys\nfrom lab.__main__ import main\nsys.argv[0] = 'lab'\nmain()\n"
    )
    (tools / "lab").chmod(0o755)
    environment = {**clone.environment, **IDENTITY}
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=clone.top, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout


@pytest.fixture
def repository(clone: Clone) -> Clone:
    """The copy, under version control."""
    bash(clone, "git init -q && printf '%s\\n' tools __pycache__ >.git/info/exclude")
    bash(clone, "git add . && git commit -q -m all")
    return clone


def test_the_page_does_what_it_says(repository: Clone) -> None:
    wrong = []
    for block in blocks():
        if any("--gate" in command.text for command in block.commands):
            continue  # in a VM: tests/authors
        said = bash(repository, consoles.script(block, MARK))
        for command, seen in zip(block.commands, consoles.outputs(block, MARK, said), strict=True):
            if difference := consoles.difference(command, seen):
                wrong.append(f"{PAGE}:{command.line}: {command.text}\n{difference}\n")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert there(repository.top / "exercises" / FOLDER) == there(EXAMPLE / FOLDER)


def there(folder: Path) -> dict[str, bytes]:
    """All files of an exercise."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_page_shows_the_way_to_the_gate() -> None:
    typed = "\n".join(command.text for block in blocks() for command in block.commands)
    for command in ("lab exercise new", "lab exercise region", "lab exercise check 11 --gate"):
        assert re.search(rf"^{re.escape(command)}", typed, re.MULTILINE), command
