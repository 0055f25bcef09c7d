"""Demonstration 4: a short-lived client asks the supervisor over a UNIX domain socket."""

from __future__ import annotations

from dataclasses import dataclass

from lab.demo.facts import Container, one
from lab.demo.model import Condition, Verdict
from lab.demo.stage import SOCKET, Stage

POLITE = "trap 'echo asked to stop; exit 0' TERM; sleep 600 & wait"
"""A program that ends when it is asked to; process 1 of a container ignores SIGTERM otherwise."""


@dataclass(frozen=True)
class Conversation:
    """What was asked and answered."""

    listeners: str
    """Who listens on the socket: a line of `ss`."""
    permissions: str
    """The socket's owner and mode."""
    after_start: Container
    start_status: int
    after_stop: Container
    stop_status: int
    log: str
    """What the container wrote."""
    stranger_status: int
    stranger_answer: str
    """To a request about a container that there is not."""
    unreachable_status: int
    unreachable_answer: str
    """Of the client, where no supervisor listens."""


def show_control(stage: Stage) -> Verdict:
    """Start, look, stop: each by a client of its own."""
    supervisor = stage.supervisor()
    root = stage.rootfs("gamma")
    listeners = stage.show(f"ss -xlpH src {SOCKET}").text
    permissions = stage.show(f"stat -c '%F %A %U' {SOCKET}").text
    started = stage.show(f'engine start delta {root} /bin/sh -c "{POLITE}"')
    stage.show("engine ps | grep -E '^(ID|delta) '")
    after_start = one(stage.containers(), "delta")
    stopped = stage.show("engine stop delta")
    stage.show("engine ps | grep -E '^(ID|delta) '")
    after_stop = one(stage.containers(), "delta")
    log = stage.show("engine logs delta").text
    stranger = stage.show("engine stop nobody")
    unreachable = stage.show("ENGINE_STATE=/run/nowhere engine ps")
    return judge_control(
        supervisor,
        Conversation(
            listeners,
            permissions,
            after_start,
            started.exit_status,
            after_stop,
            stopped.exit_status,
            log,
            stranger.exit_status,
            stranger.error_text,
            unreachable.exit_status,
            unreachable.error_text,
        ),
    )


def judge_control(supervisor: int, seen: Conversation) -> Verdict:
    """Whether requests reach the supervisor over the socket, and only so."""
    return Verdict(
        (
            Condition(
                f"the supervisor (PID {supervisor}) listens on {SOCKET}",
                SOCKET in seen.listeners and f"pid={supervisor}," in seen.listeners,
            ),
            Condition(
                "only root may connect",
                seen.permissions.startswith("socket s") and seen.permissions.endswith("------ root"),
            ),
            Condition(
                "`start` was obeyed, and `ps` says running",
                seen.start_status == 0 and seen.after_start.state == "running",
            ),
            Condition(
                "`stop` was obeyed: SIGTERM was enough, and `ps` says stopped",
                seen.stop_status == 0
                and seen.after_stop.ended
                and (seen.after_stop.reason, seen.after_stop.stopped_by) == ("stopped", "TERM")
                and "asked to stop" in seen.log,
            ),
            Condition(
                "a request about an unknown container is refused with a message",
                seen.stranger_status != 0 and "nobody" in seen.stranger_answer,
            ),
            Condition(
                "without the socket the client can do nothing, and says so",
                seen.unreachable_status != 0 and "/run/nowhere" in seen.unreachable_answer,
            ),
        ),
        f"Four clients came and went; the supervisor (PID {supervisor}) did what they asked over {SOCKET}, "
        "and delta ended as stopped by SIGTERM.",
        "stopped by SIGTERM, on request",
    )
