"""Runs the program `vagrant` without a terminal, and reads what it says.

What changes something is run for people: its output goes into a log that can be read, the
line of the moment is told as progress. What asks is run with `--machine-readable`
(Vagrant's documentation, "Machine Readable Output"): there the answer is not mixed with words.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.console import Progress
from lab.errors import LabError, MachineError
from lab.image import tools

ASK_SECONDS = 180.0
"""For a question; Vagrant itself needs two to five to start."""

ACT_SECONDS = 3600.0
"""For a change; `up` may download a box."""

SPOKEN_FOR = re.compile(r"(==> |    )[\w.-]+: ?")
"""How Vagrant begins the lines of a machine: its headlines, and the details below them."""


@dataclass(frozen=True)
class Row:
    """A line of machine-readable output."""

    type: str
    data: tuple[str, ...]


@dataclass(frozen=True)
class SshSettings:
    """How Vagrant reaches its machine."""

    host: str
    port: int
    user: str
    keys: tuple[Path, ...]


@dataclass(frozen=True)
class VagrantProgram:
    """`vagrant` in the folder of a Vagrantfile.

    Args:
        folder: where the Vagrantfile is.
        log: file to which all output is appended.
        progress: told what Vagrant says at the moment.
    """

    folder: Path
    log: Path
    progress: Progress

    def act(self, *arguments: str) -> None:
        """Change something.

        Raises:
            MachineError: Vagrant failed, or took too long; with its reason and the log's path.
        """
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            # A bar that is drawn again and again is one line with many returns in it.
            shown = SPOKEN_FOR.sub("", line.rpartition("\r")[2]).strip()
            if shown:
                self.progress.detail(shown)

        status = self._run(["--no-color", "--no-tty", *arguments], ACT_SECONDS, take)
        if status != 0:
            raise self._failure(arguments, reason(lines))

    def ask(self, *arguments: str) -> list[Row]:
        """The rows with which Vagrant answers a question.

        Raises:
            MachineError: as `act`.
        """
        lines: list[str] = []
        status = self._run(["--machine-readable", *arguments], ASK_SECONDS, lines.append)
        answered = rows(lines)
        if status != 0:
            errors = [row.data[-1] for row in answered if row.type == "error-exit" and row.data]
            raise self._failure(arguments, first_sentence(errors[-1]) if errors else reason(lines))
        return answered

    def _run(self, arguments: list[str], timeout: float, take: Callable[[str], None]) -> int:
        if not (self.folder / "Vagrantfile").is_file():
            raise MachineError(
                f"There is no Vagrantfile in {self.folder}", "BOXWRIGHT_VAGRANT names a folder that has one."
            )
        program = tools.find("vagrant")
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        # A Vagrantfile that runs the playbook finds this environment's Ansible, also where it is not active.
        search = f"PATH={Path(sys.executable).parent}{os.pathsep}{tools.SEARCH_PATH}"
        # These would lead it to another Vagrantfile.
        elsewhere = ["-u", "VAGRANT_CWD", "-u", "VAGRANT_VAGRANTFILE"]
        try:
            return tools.run(
                ["env", *elsewhere, search, program, *arguments],
                self.log,
                on_line=take,
                folder=self.folder,
                timeout=timeout,
            )
        except TimeoutError:
            raise self._failure(arguments, f"it did not end within {timeout:.0f} s") from None

    def _failure(self, arguments: tuple[str, ...] | list[str], why: str) -> MachineError:
        return MachineError(
            f"`vagrant {' '.join(arguments)}` failed: {why}",
            f"All that Vagrant said is in {self.log}.",
            detail=tools.tail(self.log),
        )

    def machine_id(self) -> str | None:
        """Vagrant's own name of the VM that it made here; None where it made none.

        Raises:
            LabError: the Vagrantfile is of several machines.
        """
        data = self.folder / os.environ.get("VAGRANT_DOTFILE_PATH", ".vagrant")
        ids = [text for path in data.glob("machines/*/*/id") if (text := path.read_text().strip())]
        if len(ids) > 1:
            raise LabError(
                f"The Vagrantfile in {self.folder} has made {len(ids)} machines, and the lab takes one",
                "`lab add` takes each of them: `vagrant ssh-config` tells where they are.",
            )
        return ids[0] if ids else None

    def ssh_settings(self) -> SshSettings:
        """Where the VM is, as `vagrant ssh-config` says.

        Raises:
            MachineError: it does not run, or is reached in a way that the lab does not know.
        """
        texts = [row.data[0] for row in self.ask("ssh-config") if row.type == "ssh-config" and row.data]
        return ssh_settings(texts[0] if texts else "")


def rows(lines: list[str]) -> list[Row]:
    """Read machine-readable output; lines that are none of it, such as warnings of Ruby, are left out."""
    found = []
    for line in lines:
        parts = line.split(",")
        if len(parts) >= 3 and parts[0].isdigit():
            data = (
                part.replace("%!(VAGRANT_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")
                for part in parts[3:]
            )
            found.append(Row(parts[2], tuple(data)))
    return found


def ssh_settings(text: str) -> SshSettings:
    """Read what `vagrant ssh-config` prints: a block of ssh_config(5).

    Raises:
        MachineError: something that is needed is not in it.
    """
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key:
            found.setdefault(key.lower(), []).append(value.strip().strip('"'))
    if "proxycommand" in found:
        raise MachineError(
            "Vagrant reaches this machine through a ProxyCommand, which the lab does not",
            "Use a provider on this host.",
        )
    keys = [Path(value.replace("%%", "%")) for value in found.get("identityfile", [])]
    there = tuple(key for key in keys if key.is_file())
    port = found.get("port", ["22"])[0]
    if "hostname" not in found or not port.isdigit() or not there:
        raise MachineError(
            "`vagrant ssh-config` does not tell a host and a key that is there", "", detail=text[-1000:]
        )
    return SshSettings(found["hostname"][0], int(port), found.get("user", ["vagrant"])[0], there)


def reason(lines: list[str]) -> str:
    """Why Vagrant failed: it says so last, in a paragraph that belongs to no machine."""
    after = next(
        (number for number, line in reversed(list(enumerate(lines, 1))) if SPOKEN_FOR.match(line)), 0
    )
    own = "\n".join(lines[after:]).strip()
    return first_sentence(own or "\n".join(lines[-1:])) or "it does not say why"


def first_sentence(text: str) -> str:
    """The first paragraph as one line, cut where it becomes a page."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return (paragraph if len(paragraph) <= 300 else paragraph[:297] + "…").rstrip(".")
