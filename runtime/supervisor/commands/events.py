"""`events`: what happens to containers, as it happens."""

from __future__ import annotations

import json
import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.errors import UsageError
from supervisor.events import KINDS, LENGTH, Event, Journal
from supervisor.moments import parse_moment
from supervisor.options import Grammar, Line, Option, parse_filters, show
from supervisor.reading import LONGEST
from supervisor.text import timestamp

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine


@dataclass(frozen=True)
class EventsRequest:
    """`events`."""

    since: float | None = None  # seconds since the epoch; None: only what comes
    until: float | None = None  # None: until the client leaves
    filters: tuple[tuple[str, frozenset[str]], ...] = ()  # each must hold; of its values, any


def parse(line: Line) -> EventsRequest:
    """The request that a line means."""
    line.nothing()
    now = time.time()
    since, until = (
        parse_moment(key, line.last(key), now) / 1e6 if line.has(key) else None
        for key in ("--since", "--until")
    )
    filters = parse_filters("--filter", line.all("--filter"), ("event", "id", "name"))
    for key, values in filters.items():
        if key == "event" and (unknown := values - set(KINDS)):
            raise UsageError(f"there is no event {show(min(unknown))}", f"There are {', '.join(KINDS)}.")
    return EventsRequest(since, until, tuple(filters.items()))


def events(engine: Engine, request: EventsRequest, reply: Reply) -> None:
    """Those of the past first, then each as it comes, until there is a reason to end.

    What a slow client has not taken when the ring has moved on is lost to it, and it is told so.
    """
    journal = engine.registry.events
    position = 0 if request.since is not None else journal.next
    started = False
    with journal.bell.heard() as bell:
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(reply.connection, select.POLLIN)
        while True:
            closed = journal.closed  # looked at before the journal is read: nothing comes after it
            position, lost = tell(journal, position, request, reply)
            if lost and started:
                line = {"time": timestamp(time.time()), "event": "lost", "count": lost}
                reply.out(json.dumps(line).encode() + b"\n")
            started = True
            left = None if request.until is None else request.until - time.time()
            if closed or (left is not None and left <= 0):
                break
            for descriptor, _ in poll.poll(None if left is None else min(left * 1000 + 1, LONGEST)):
                if descriptor == bell:
                    os.eventfd_read(bell)
                elif reply.hear() is None:
                    return
    reply.end(0)


def tell(journal: Journal, position: int, request: EventsRequest, reply: Reply) -> tuple[int, int]:
    """Show every event from a position on; gives the next position, and how many were lost."""
    lost = 0
    while True:
        batch, position, gone = journal.read(position)
        lost += gone
        if not batch:
            return position, lost
        lines = [json.dumps(describe(event)) for event in batch if wanted(event, request)]
        if lines:
            reply.out("\n".join([*lines, ""]).encode())


def wanted(event: Event, request: EventsRequest) -> bool:
    """Whether an event was asked for."""
    if request.since is not None and event.time < request.since:
        return False
    if request.until is not None and event.time > request.until:
        return False
    return all(
        event.kind in values if key == "event" else any(value in event.id for value in values)
        for key, values in request.filters
    )


def describe(event: Event) -> dict[str, object]:
    """An event as JSON shows it."""
    return {"time": timestamp(event.time), "event": event.kind, "id": event.id, **event.details}


EVENTS = Command(
    name="events",
    usage="[options]",
    summary="what happens to containers, as it happens",
    text=f"""\
Each event is an object of JSON on a line of its own, with `time`, `event`, `id` and what
else there is to tell. Goes on until Ctrl-C. The events are {", ".join(KINDS[:6])},
{", ".join(KINDS[6:])}. The supervisor keeps the latest {LENGTH}; a client that
takes them too slowly misses some, and an event `lost` tells it how many.
""",
    grammar=Grammar(
        (
            Option(("--since",), "begin with what happened at that time or later", "TIME"),
            Option(("--until",), "end at that time", "TIME"),
            Option(("-f", "--filter"), "only those; may be given more than once", "KEY=VALUE"),
        )
    ),
    after="""\
TIME is 2026-01-31T12:00:00Z, seconds since the epoch, or a time ago such as 10m or 1h30m.
KEY is event, or id (name is the same), of which VALUE may be a part. Of several values for
one key any will do; several keys must all hold.
""",
    parse=parse,
    answer=events,
)
