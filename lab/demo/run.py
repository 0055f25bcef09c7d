"""The eight demonstrations in the order of the contract, on any machine with the engine deployed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from lab.demo.control import show_control
from lab.demo.cpu import show_shares
from lab.demo.facts import Unreadable
from lab.demo.logs import show_logs
from lab.demo.memory import show_hard_limit, show_soft_limit
from lab.demo.model import Condition, Demonstration, Figure, Report, Surroundings, Verdict
from lab.demo.stage import Audience, Stage
from lab.demo.supervision import show_metadata, show_supervision
from lab.demo.teardown import show_teardown
from lab.errors import CommandFailed, CommandTimeout, LabError, MachineError
from lab.machine.protocol import Machine


@dataclass(frozen=True)
class Act:
    """A demonstration that can be shown."""

    number: int
    title: str
    sentence: str
    perform: Callable[[Stage], Verdict | tuple[Verdict, tuple[Figure, ...]]]


ACTS = (
    Act(
        1,
        "Two containers, one supervisor",
        "Two containers run at the same time under one supervisor, each in namespaces of its own.",
        show_supervision,
    ),
    Act(
        2,
        "Full metadata",
        "`engine ps` tells everything about each container, living or ended, and tells the truth.",
        show_metadata,
    ),
    Act(
        3,
        "Logs through the bounded buffer",
        "Both containers' output reaches their log files through pipes, threads and a bounded buffer; no byte is lost.",
        show_logs,
    ),
    Act(
        4,
        "Client and supervisor",
        "Each command is a short-lived client that sends one request over a UNIX domain socket.",
        show_control,
    ),
    Act(
        5,
        "Soft limit",
        "A container that passes its soft limit is warned of once in the kernel log, and lives on.",
        show_soft_limit,
    ),
    Act(
        6,
        "Hard limit",
        "A container that passes its hard limit is killed, and the kernel log and `ps` agree on why.",
        show_hard_limit,
    ),
    Act(
        7,
        "Nice values on one processor",
        "Two processes that want all of one processor share it as the scheduler's weights say. Both are pinned to "
        "the same one: on two processors each would have one to itself, and the nice values would show nothing.",
        show_shares,
    ),
    Act(
        8,
        "Teardown",
        "At the end nothing is left: no zombie, no thread, no mount, no socket, and the module is unloaded.",
        show_teardown,
    ),
)


class Interrupted(LabError):
    """The machine was lost in the middle of a demonstration."""


def select(text: str | None) -> list[int]:
    """The numbers in a list such as `5,6` or `1-3,8`; all of them for None.

    Raises:
        LabError: it is no such list, or names what there is not.
    """
    known = [act.number for act in ACTS]
    if text is None:
        return known
    wanted: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise LabError(
                f"{text!r} is not a list of demonstrations", "Give numbers from 1 to 8, such as --only 5,6."
            )
        wanted.update(range(int(first), int(last or first) + 1) if len(part) < 8 else [])
    if not wanted or not wanted <= set(known):
        raise LabError(
            f"There is no such demonstration: {text}", "Give numbers from 1 to 8, such as --only 5,6."
        )
    return sorted(wanted)


def run_demo(
    machine: Machine, audience: Audience, *, only: Collection[int] | None = None, clear: bool = False
) -> Report:
    """Show the demonstrations.

    Args:
        machine: running, with the engine, the module and the base rootfs deployed.
        audience: told what happens.
        only: their numbers; None for all eight.
        clear: leave nothing behind in the machine; for one that goes on living.

    Raises:
        LabError: the stage could not be set.
        Interrupted: the machine was lost in the middle; names the demonstration.
    """
    began, clock = datetime.now().astimezone(), time.monotonic()
    stage = Stage(machine, audience)
    shown = []
    lost = False
    try:
        stage.prepare()
        for act in ACTS:
            if only is None or act.number in only:
                shown.append(_perform(act, stage))
    except Interrupted:
        lost = True  # nothing in it can be cleared any more
        raise
    finally:
        if clear and not lost:
            _clear(stage)
    return Report(
        _surroundings(machine, began.isoformat(timespec="seconds")),
        tuple(shown),
        tuple(stage.preparation),
        time.monotonic() - clock,
    )


def _perform(act: Act, stage: Stage) -> Demonstration:
    clock = time.monotonic()
    stage.audience.begins(act.number, act.title, act.sentence)
    evidence = stage.collect()
    figures: tuple[Figure, ...] = ()
    try:
        found = act.perform(stage)
        verdict, figures = found if isinstance(found, tuple) else (found, ())
    except Unreadable as error:
        verdict = _broken(str(error))
    except CommandFailed as error:
        verdict = _broken(f"{error}" + (f": {error.detail.splitlines()[-1]}" if error.detail else ""))
    except MachineError as error:
        if not isinstance(error, CommandTimeout) or not _answers(stage.machine):
            raise Interrupted(
                f"Demonstration {act.number} ({act.title.lower()}) broke off: {error.what}",
                error.remedy,
                detail=error.detail or _last_words(stage.machine),
                exit_status=error.exit_status,
            ) from error
        verdict = _broken(f"{error.what}")
    demonstration = Demonstration(
        act.number, act.title, act.sentence, tuple(evidence), figures, verdict, time.monotonic() - clock
    )
    stage.audience.ends(demonstration)
    return demonstration


def _broken(why: str) -> Verdict:
    return Verdict((Condition(why.rstrip("."), False),))


def _answers(machine: Machine) -> bool:
    try:
        return machine.run("true", timeout=10, check=False).ok
    except MachineError:
        return False


def _last_words(machine: Machine) -> str:
    """The end of the kernel log, where the guest can still tell it."""
    try:
        return "\n".join(machine.kernel_log()[-20:])
    except LabError:
        return ""


def _clear(stage: Stage) -> None:
    # It fails where the machine was lost otherwise, and what lost it is told already.
    with contextlib.suppress(LabError):
        stage.clear()


def _surroundings(machine: Machine, began: str) -> Surroundings:
    told = machine.run('. /etc/os-release; echo "$PRETTY_NAME"; uname -r; nproc').text.splitlines()
    if len(told) != 3 or not told[2].isdecimal():
        raise MachineError(f"Machine {machine.name!r} does not tell its system, kernel and processors")
    return Surroundings(machine.name, machine.kind, told[1], told[0], int(told[2]), began)
