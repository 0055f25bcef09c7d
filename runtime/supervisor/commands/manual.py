"""The manual page, `engine.8`, made from the table of commands; a test compares the two.

After a change of a command, in the folder `runtime`:

    python3 -m supervisor.commands.manual > engine.8
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from supervisor.commands import COMMANDS
from supervisor.commands.base import Command
from supervisor.commands.help import FIRST_TRY

HEAD = r"""
.\" Made by `python3 -m supervisor.commands.manual` from the table of commands; edit that.
.Dd $Mdocdate$
.Dt ENGINE 8
.Os
.Sh NAME
.Nm engine
.Nd run programs in containers
.Sh SYNOPSIS
"""

DESCRIPTION = r"""
.Sh DESCRIPTION
.Nm
runs programs in containers, each with its own processes, mounts, hostname, root file system and log.
One process, the supervisor, stays up and owns the containers; every other command is a short
request to it over a socket that only root can open.
.Pp
A container's first process is PID 1 of PID, mount, UTS and IPC namespaces of its own, and lives in a
cgroup of its own where cgroup v2 is mounted.
Its memory has two limits: passing the soft one is told once, passing the hard one is its end.
The kernel module of this kit enforces them where it is loaded, and cgroup v2 where it is not.
.Pp
Options may stand before and after operands; short ones may be joined, to each other and to a value.
.Ql --
ends them.
.Sh COMMANDS
"""

TAIL = r"""
.Sh ENVIRONMENT
.Bl -tag -width ENGINE_STATE
.It Ev ENGINE_STATE
another folder for the socket and, in
.Pa logs
below it, the logs, so that two supervisors can be apart
.It Ev NO_COLOR
if set and not empty, terminals get what files get
.It Ev TERM
the same, if it is
.Ql dumb
or not set
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /run/boxwright/engine.sock
the supervisor's socket
.It Pa /var/log/boxwright/ Ns Ar id Ns Pa .log
what a container has written
.It Pa /dev/container_monitor
the kernel monitor
.It Pa /sys/fs/cgroup/boxwright
the containers' cgroups
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
success; of
.Cm run
and
.Cm exec ,
the program's
.It 125
the engine could not do it
.It 126
the program cannot be executed
.It 127
there is no such program
.It 128 + Ar n
signal
.Ar n
ended the program
.It 130
Ctrl-C ended the client
.It 141
nobody reads its output any more
.El
.Sh EXAMPLES
.Bd -literal
@EXAMPLES@
.Ed
.Sh SEE ALSO
.Xr docker 1 ,
.Xr podman 1 ,
.Xr pivot_root 2 ,
.Xr setns 2 ,
.Xr cgroups 7 ,
.Xr namespaces 7 ,
.Xr pid_namespaces 7
"""


def escape(text: str) -> str:
    """Text, so that troff takes none of it for its own; what is in backquotes becomes bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def literal(lines: list[str]) -> Iterator[str]:
    """Lines as they are."""
    yield ".Bd -literal"
    yield from (escape(line) for line in lines)
    yield ".Ed"


def paragraphs(text: str) -> Iterator[str]:
    """Paragraphs; those that are indented are shown as they are."""
    for block in text.strip("\n").split("\n\n"):
        lines = block.split("\n")
        if block.startswith("  "):
            yield from literal(lines)
        elif block:
            yield ".Pp"
            yield escape(block)


def section(command: Command[Any]) -> Iterator[str]:
    """What the page says of one command."""
    yield f".Ss {command.name}"
    yield f".Bd -literal\n{escape(command.line)}\n.Ed"
    yield from paragraphs(command.text or command.summary[0].upper() + command.summary[1:] + ".")
    if command.grammar.options:
        yield ".Bl -tag -width Ds"
        for option in command.grammar.options:
            names = ", ".join(f"\\fB{escape(name)}\\fR" for name in option.names)
            value = f" \\fI{escape(option.value)}\\fR" if option.value else ""
            yield f".It {names}{value}"
            yield escape(option.text)
        yield ".El"
    yield from paragraphs(command.after)


def page() -> str:
    """The page."""
    lines = [HEAD.strip("\n").replace("$Mdocdate$", "November 24, 2026")]
    for command in COMMANDS.values():
        lines.append(f".Nm\n.Cm {command.name}")
        lines.append(f"\\fI{escape(command.usage)}\\fR" if command.usage else "")
        lines.append(".br")
    lines = [line for line in lines if line][:-1]
    lines.append(DESCRIPTION.strip("\n"))
    for command in COMMANDS.values():
        lines += section(command)
    examples = "\n".join(line.strip() for line in FIRST_TRY.split("\n") if line.startswith("  "))
    lines.append(TAIL.strip("\n").replace("@EXAMPLES@", escape(examples)))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
