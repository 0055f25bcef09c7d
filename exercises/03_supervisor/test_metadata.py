"""What `ps` tells of the living."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.container import Container
from grading.api.engine import Engine
from grading.api.listing import Listing
from grading.guest.records import Process


@dataclass(frozen=True)
class Living:
    """Two running containers, and what `ps` told meanwhile."""

    asked: Container
    """With limits and nice value of its own."""
    plain: Container
    """With none."""
    listing: Listing
    asked_process: Process
    asked_init: Process | None


def running(listing: Listing, *containers: Container) -> Listing | None:
    """The listing, where it tells that all of these run."""
    return listing if all(listing.runs(each.id) for each in containers) else None


@scenario
def living(engine: Engine) -> Living:
    """One container with everything asked for, one with nothing."""
    asked = engine.start("sleep 600", name="asked", soft=37, hard=59, nice=7)
    plain = engine.start("sleep 600", name="plain")
    process = asked.await_running()
    # `start` may answer as soon as the process is there, and `ps` tell of it a moment later.
    listing = wait_until(lambda: running(engine.ps(), asked, plain), 3)
    listing = listing or engine.ps(asked, plain)
    init = asked.init
    engine.stop(asked.id)
    engine.stop(plain.id)
    return Living(asked, plain, listing, process, init)


@check(
    "metadata",
    points=2,
    needs=["containers.starts"],
    hint="The supervisor keeps a record for each container; `ps` prints them all.",
)
def test_running_ones_are_listed(living: Living) -> None:
    """`ps` lists each running container by its id, as running."""
    for container in (living.asked, living.plain):
        entry = living.listing.entry(container.id)
        expect(entry, f"a line with {container.id}", living.listing.text or "nothing")
        expect(living.listing.runs(container.id), "it says that it is running", entry)


@check("metadata", needs=["metadata.running_ones_are_listed"], hint="What clone() returned.")
def test_host_pid(living: Living) -> None:
    """`ps` tells the PID by which the host knows the container."""
    init = living.asked_init or living.asked_process
    told = living.listing.has_number(living.asked.id, init.pid)
    expect(told, f"the host's PID {init.pid}", living.listing.entry(living.asked.id))


@check(
    "metadata",
    level=2,
    needs=["metadata.running_ones_are_listed"],
    hint="Keep what was asked for in the record.",
)
def test_limits_as_asked(living: Living) -> None:
    """`ps` tells the limits that were asked for."""
    entry = living.listing.entry(living.asked.id)
    expect(living.listing.has_mib(living.asked.id, 37), "the soft limit, 37 MiB", entry)
    expect(living.listing.has_mib(living.asked.id, 59), "the hard limit, 59 MiB", entry)


@check(
    "metadata",
    level=2,
    needs=["metadata.running_ones_are_listed"],
    hint="40 and 64 MiB where nothing was asked for.",
)
def test_limits_by_default(living: Living) -> None:
    """Without options the limits are 40 MiB and 64 MiB."""
    entry = living.listing.entry(living.plain.id)
    expect(living.listing.has_mib(living.plain.id, 40), "the soft limit, 40 MiB", entry)
    expect(living.listing.has_mib(living.plain.id, 64), "the hard limit, 64 MiB", entry)


@check("metadata", level=2, needs=["metadata.running_ones_are_listed"])
def test_nice_value(living: Living) -> None:
    """`ps` tells the nice value."""
    expect(
        living.listing.has_number(living.asked.id, 7),
        "the nice value 7",
        living.listing.entry(living.asked.id),
    )


@check(
    "metadata",
    level=2,
    needs=["metadata.running_ones_are_listed"],
    hint="Taken when the container is recorded.",
)
def test_start_time(living: Living) -> None:
    """`ps` tells when it was started."""
    entry = living.listing.entry(living.asked.id)
    found = re.search(r"\d{1,2}:\d{2}|\b1[6-9]\d{8}\b|\b2\d{9}\b", entry)
    expect(found, "a time", entry)
