"""The manual page and the completions: nothing in them that the engine has not, and nothing missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from supervisor.commands import COMMANDS, tell
from supervisor.commands.completion import SHELLS
from supervisor.commands.manual import page
from supervisor.errors import UsageError

RUNTIME = Path(__file__).parents[3] / "runtime"


def test_the_page_is_made_from_the_table_of_commands() -> None:
    assert (RUNTIME / "engine.8").read_text() == page(), (
        "after a change of a command: cd runtime; python3 -m supervisor.commands.manual > engine.8"
    )


@pytest.fixture(scope="module")
def shown() -> str:
    """The page as man(1) shows it, without complaints of groff."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-mdoc", "-Tutf8", "-wall", "-rLL=100n", "-P-c", str(RUNTIME / "engine.8")],
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return re.sub(r".\x08", "", done.stdout.decode()).replace("\N{HYPHEN}\n", "")


def test_the_page_shows_every_command_and_option(shown: str) -> None:
    sections = dict(re.findall(r"^   (\S+)\n((?:     .*\n|\n)+)", shown, re.MULTILINE))
    for name, command in COMMANDS.items():
        assert f"     {command.line}\n" in sections[name]
        for option in command.grammar.options:
            line = ", ".join(option.names) + (f" {option.value}" if option.value else "")
            assert re.search(rf"^     {re.escape(line)}(?:\n| {{2,}}\S)", sections[name], re.MULTILINE), line


def test_the_page_shows_no_option_that_is_not_there(shown: str) -> None:
    """Nor a command."""
    sections = re.findall(r"^   (\S+)\n     engine \1", shown, re.MULTILINE)
    assert sections == list(COMMANDS)
    known = {
        name for command in COMMANDS.values() for option in command.grammar.options for name in option.names
    }
    tags = re.findall(r"^     (-[^ ,\n]*(?:, -[^ ,\n]*)*)(?: \S+)?(?:$| {2,}\S)", shown, re.MULTILINE)
    assert {name for tag in tags for name in tag.split(", ")} == known


def complete(tmp_path: Path, line: str) -> set[str]:
    """What bash offers for the last word of a command line, with three containers, one of them paused."""
    fake = tmp_path / "engine"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in "ps -q") echo one two three ;; *=running) echo one two ;; *=paused) echo two ;; esac\n'
    )
    fake.chmod(0o755)
    words = line.split(" ")
    program = 'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _engine; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "-", tell([b"completion", b"bash"]) or "", *words],
        capture_output=True,
        check=True,
        text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("engine st", {"start", "stats", "stop"}),
        ("engine stop ", {"one", "two"}),
        ("engine stop one t", {"two"}),
        ("engine stop -t 5 o", {"one"}),
        ("engine stop -t ", set()),
        ("engine stop -s SIGT", {"SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU"}),
        ("engine stop --", {"--help", "--time", "--signal"}),
        ("engine logs t", {"two", "three"}),
        ("engine rm ", {"one", "two", "three"}),
        ("engine unpause ", {"two"}),
        ("engine exec -e A=1 ", {"one", "two"}),
        ("engine exec one ", set()),
        ("engine ps --format ", {"table", "json"}),
        ("engine ps --f", {"--filter", "--format"}),
        ("engine completion ", set(SHELLS)),
        ("engine help unp", {"unpause"}),
        ("engine nonsense ", set()),
    ],
)
def test_what_bash_offers(tmp_path: Path, line: str, offered: set[str]) -> None:
    assert complete(tmp_path, line) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_reads_its_script(shell: str) -> None:
    script = tell([b"completion", shell.encode()])
    assert script is not None
    for name, command in COMMANDS.items():
        assert name in script
        for option in command.grammar.options:
            assert option.key.lstrip("-") in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True, capture_output=True)


def test_no_completion_for_other_shells() -> None:
    for words in ([b"completion"], [b"completion", b"csh"], [b"completion", b"bash", b"zsh"]):
        with pytest.raises(UsageError):
            tell(words)
