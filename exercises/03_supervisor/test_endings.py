"""Every end is noticed, and told for what it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from grading.api import check, expect, look_until, only_waiting, scenario, wait_until
from grading.api.container import Container, await_all_gone, await_told
from grading.api.engine import CLIENT_SECONDS, STOP_SECONDS, Engine
from grading.api.listing import Listing
from grading.api.starts import start_several
from grading.guest.observer import Observer
from grading.guest.records import Finished, Process
from grading.session import Session

ORPHANS = 5

ENDED_SECONDS = 4.0
"""More than `probe exit` waits to be told, where the engine has copied the rootfs."""

REAPED_SECONDS = 2.0
"""For a supervisor that nothing keeps from reaping, and that looks once a second."""

STEADY_SECONDS = 0.4
STEADY_LOOKS = 8

CLOSED_SECONDS = 1.5
"""In which a supervisor closes what belonged to a container or a client that has gone."""

DESCRIPTOR_ROUNDS = 4
"""More than the one descriptor by which two looks at a supervisor may differ."""


@dataclass
class Endings:
    """Containers that ended in different ways, and what `ps` tells of them."""

    containers: dict[str, Container] = field(default_factory=dict)
    stops: dict[str, Finished] = field(default_factory=dict)
    gone: dict[str, bool] = field(default_factory=dict)
    asked: bool = False
    """Whether the polite one received SIGTERM."""
    listing: Listing | None = None
    """When all have ended."""
    early: Listing | None = None
    """At level 1, before there were more than three: an answer may have room for a few only."""

    def told(self, name: str) -> Listing:
        """The first listing that tells its end."""
        assert self.listing is not None
        if self.early is not None and self.early.ended(self.containers[name].id):
            return self.early  # in the last one its line may have been cut
        return self.listing

    def entry(self, name: str) -> str:
        """What `ps` tells of one."""
        return self.told(name).entry(self.containers[name].id)

    def reason(self, name: str) -> str:
        """The contract's reason of one."""
        return self.told(name).reason(self.containers[name].id)

    def words(self, name: str) -> frozenset[str]:
        """What is told of one in words."""
        return self.told(name).words(self.containers[name].id)


@scenario(containers=6)
def endings(engine: Engine, observer: Observer) -> Endings:
    """Some end by themselves, some are stopped, one is killed from outside."""
    found = Endings()
    short = {"zero": "exit 0", "seven": "exit 7", "fault": "die 11"}
    long = {"polite": "polite 3 NONCE", "plain": "sleep 600", "victim": "sleep 600"}
    found.containers |= start_several(engine, short)
    if engine.level == 1:
        found.early = await_told(engine, found.containers.values(), 3)
    found.containers |= start_several(engine, long, running=long)
    polite = found.containers["polite"]
    polite.await_ready()
    victim = found.containers["victim"].init or found.containers["victim"].await_running()
    observer.signal(victim.pid, 9, start=victim.start)
    jobs = {
        name: engine.begin("stop", found.containers[name].id, timeout=STOP_SECONDS)
        for name in ("polite", "plain")
    }
    for name, job in jobs.items():
        done = job.wait()
        assert done is not None
        found.stops[name] = done
    await_all_gone(found.containers.values(), 8)
    found.gone = {name: not container.processes for name, container in found.containers.items()}
    found.asked = polite.handled_sigterm()
    found.listing = await_told(engine, found.containers.values(), 3)
    return found


@dataclass(frozen=True)
class Stubborn:
    """A container that does nothing on SIGTERM, and was stopped."""

    container: Container
    gone: bool
    listing: Listing

    @property
    def entry(self) -> str:
        """What `ps` tells of it."""
        return self.listing.entry(self.container.id)


@scenario(containers=1, waits=3)
def stubborn(engine: Engine) -> Stubborn:
    """Stop one that does not listen; apart from the others, since that takes as long as the engine is patient."""
    container = engine.start("stubborn", name="stubborn")
    container.await_ready()
    job = engine.begin("stop", container.id, timeout=STOP_SECONDS)
    only_waiting()
    job.wait()
    gone = container.await_gone(8)
    try:
        listing = await_told(engine, [container], 3 if gone else 0)
    finally:
        container.kill()  # what it does to the supervisor's end is another check's
    return Stubborn(container, gone, listing)


@check(
    "metadata",
    points=2,
    needs=["metadata.running_ones_are_listed"],
    hint="SIGCHLD or a pidfd; then waitpid(), then the record.",
)
def test_end_is_told(endings: Endings) -> None:
    """`ps` tells that a container has ended, when it has ended by itself."""
    for name in ("zero", "seven"):
        container, listing = endings.containers[name], endings.told(name)
        expect(
            listing.ended(container.id),
            f"{container.id} is told to have ended",
            listing.entry(container.id) or f"`ps` does not list it: {listing.text}",
        )


@check("metadata", level=2, needs=["metadata.end_is_told"], hint="WEXITSTATUS.")
def test_exit_code_is_told(endings: Endings) -> None:
    """`ps` tells the exit code."""
    assert endings.listing is not None
    expect(endings.listing.has_number(endings.containers["seven"].id, 7), "7", endings.entry("seven"))
    expect(endings.listing.has_number(endings.containers["zero"].id, 0), "0", endings.entry("zero"))


@check("metadata", level=2, needs=["metadata.end_is_told"])
def test_own_end_is_exited(endings: Endings) -> None:
    """A container that ends by itself has the reason `exited`, also by a signal of its own."""
    for name in ("zero", "seven", "fault"):
        expect(endings.reason(name) == "exited", "exited", endings.entry(name))


@check("metadata", level=2, needs=["metadata.end_is_told"], hint="WIFSIGNALED, WTERMSIG.")
def test_signal_is_told(endings: Endings) -> None:
    """`ps` tells the signal that ended a container."""
    assert endings.listing is not None
    told = endings.listing.told(endings.containers["fault"].id)
    expect(re.search(r"\b(11|139)\b|SEGV", told), "signal 11, SIGSEGV", endings.entry("fault"))


@check(
    "metadata",
    points=2,
    needs=["metadata.end_is_told"],
    hint="Set the flag before the first signal, read it when the child is reaped.",
)
def test_stop_differs_from_exit(endings: Endings) -> None:
    """`ps` tells a stopped container from one that ended by itself."""
    stopped = [name for name in ("polite", "plain") if endings.gone[name]]
    expect(stopped, "a container that `stop` has ended", "those that were stopped go on")
    for name in stopped:
        listing, entry = endings.told(name), endings.entry(name)
        expect(entry, "a line for one that was stopped", listing.text)
        expect(not listing.runs(endings.containers[name].id), "it does not run any more", entry)
        more = endings.words(name) ^ endings.words("zero")
        expect(more, "different words for the two ends", [endings.entry("zero"), endings.entry(name)])


@check("metadata", level=2, needs=["metadata.stop_differs_from_exit"])
def test_stop_is_stopped(endings: Endings, stubborn: Stubborn) -> None:
    """A container that was stopped has the reason `stopped`, whatever signal it took."""
    for name in ("polite", "plain"):
        if endings.gone[name]:  # one that goes on is another check's
            expect(endings.reason(name) == "stopped", "stopped", endings.entry(name))
    if stubborn.gone:
        reason = stubborn.listing.reason(stubborn.container.id)
        expect(reason == "stopped", "stopped", stubborn.entry)


@check("metadata", level=2, needs=["metadata.stop_is_stopped"], hint="Keep which signal was sent last.")
def test_stop_tells_which_signal(endings: Endings, stubborn: Stubborn) -> None:
    """`ps` tells whether SIGTERM was enough, or SIGKILL was needed."""

    def tells(listing: Listing, container: Container) -> frozenset[str]:
        numbers = listing.numbers(container.id)[1:]
        return frozenset(re.findall(r"TERM|KILL", listing.entry(container.id))) | frozenset(
            {"9", "137", "143", "15", "3"} & set(numbers)
        )

    polite = endings.containers["polite"]
    expect(
        tells(endings.told("polite"), polite) != tells(stubborn.listing, stubborn.container),
        "different signals for the two",
        [endings.entry("polite"), stubborn.entry],
    )


@check(
    "metadata",
    level=2,
    needs=["metadata.end_is_told"],
    hint="SIGKILL without a stop is the hard limit's only if the monitor says so.",
)
def test_kill_from_outside_is_killed(endings: Endings) -> None:
    """A container that somebody else kills has the reason `killed`.

    Nobody asked to stop it and it was far below its limit: neither `stopped` nor `hard_limit_killed` is true.
    """
    expect(endings.reason("victim") == "killed", "killed", endings.entry("victim"))


@check("control", points=2, needs=["containers.starts"], hint="kill() with the container's host PID.")
def test_stop_ends_a_container(endings: Endings) -> None:
    """`stop` ends a container."""
    for name in ("polite", "plain"):
        expect(
            endings.stops[name].code == 0,
            "`stop` succeeds",
            f"{endings.stops[name].code}: {endings.stops[name].error_text}",
        )
        expect(endings.gone[name], "none of its processes is left", "some are")


def hears_alone(engine: Engine, graded: Session) -> bool:
    """Whether a program's handler of SIGTERM runs where nothing else does: a time of grace may be short."""
    graded.scenarios.settle()
    polite = engine.start("polite 3 NONCE", name="polite")
    polite.await_ready()
    engine.stop(polite.id)
    polite.await_gone(8)
    return polite.handled_sigterm()


@check(
    "control",
    containers=1,
    needs=["control.stop_ends_a_container"],
    hint="SIGTERM first: a program may want to put things in order.",
)
def test_stop_asks_first(endings: Endings, engine: Engine, graded: Session) -> None:
    """`stop` sends SIGTERM before anything worse."""
    asked = endings.asked or hears_alone(engine, graded)
    expect(asked, "the program's handler of SIGTERM has run", "it has not")


@check(
    "control",
    needs=["control.stop_ends_a_container"],
    hint="PID 1 of a namespace ignores what it has no handler for; only SIGKILL from outside does not ask.",
)
def test_stop_kills_who_does_not_listen(stubborn: Stubborn) -> None:
    """A container that ignores SIGTERM is killed after a while."""
    expect(stubborn.gone, "none of its processes is left", "it goes on")


@scenario(exclusive=True, containers=1)
def unattended(engine: Engine, observer: Observer) -> list[Process]:
    """Zombies below the supervisor, of a container that ended while no client called, or of earlier ones.

    Alone: a client of another scenario would wake a supervisor that reaps at requests only.
    """
    container = engine.start("exit 0 NONCE", name="unattended")
    supervisor = engine.supervisor
    assert supervisor is not None

    def zombies() -> list[Process]:
        return [each for each in observer.processes() if each.state == "Z" and each.parent == supervisor.pid]

    pids = {each.pid for each in container.processes}

    def have_ended() -> bool:
        return all(each.state == "Z" for each in observer.processes() if each.pid in pids)

    container.tell()
    wait_until(have_ended, ENDED_SECONDS)
    return look_until(zombies, lambda found: not found, REAPED_SECONDS)


@dataclass(frozen=True)
class Quick:
    """Containers that end at once."""

    containers: list[Container]
    told: list[Listing]
    """In parts, as they were started."""


@scenario(containers=6)
def quick(engine: Engine) -> Quick:
    """Start some that end at once; then ask `ps`."""
    containers: list[Container] = []
    early: list[Listing] = []
    for half in ((1, 2, 3), (4, 5, 6)) if engine.level == 1 else ((1, 2, 3, 4, 5, 6),):
        if containers:  # an answer may have room for a few only
            early.append(await_told(engine, containers, 2))
        # One after the other, and none anew: one that ends before it is recorded is what is looked for.
        containers += [
            engine.start(f"exit {code}", name=f"quick{code}", running=False, again=False) for code in half
        ]
    last = await_told(engine, containers[-len(half) :], 3)
    return Quick(containers, [*early, last])


@check(
    "teardown",
    points=2,
    needs=["containers.starts"],
    hint="Reap on SIGCHLD or by pidfd, in a loop, and not when the next request comes.",
)
def test_no_zombie_stays(unattended: list[Process]) -> None:
    """An ended container is reaped at once, whether or not a client calls."""
    expect(
        not unattended,
        "no zombie below the supervisor",
        [f"{each.pid} {each.name}" for each in unattended],
    )


@check(
    "metadata",
    needs=["metadata.end_is_told"],
    hint="Record the container before it can end: a child may be gone before clone() returns.",
)
def test_quick_end_is_not_missed(quick: Quick) -> None:
    """A container that ends at once is not told to be running for ever."""
    for container in quick.containers:
        expect(
            any(listing.ended(container.id) for listing in quick.told),
            f"{container.id} has ended",
            [listing.entry(container.id) for listing in quick.told if listing.entry(container.id)]
            or "no `ps` lists it",
        )


@dataclass(frozen=True)
class Orphans:
    """A container of several processes that was stopped."""

    beside: bool
    """Whether the others were seen beside its first."""
    gone: bool


@scenario(containers=1)
def orphans(engine: Engine, observer: Observer) -> Orphans:
    """A container whose children lose their parents, then is stopped."""
    container = engine.start(f"orphans {ORPHANS}", name="orphans")
    container.await_running()
    beside = bool(wait_until(lambda: len(container.processes) > ORPHANS, 5))
    engine.stop(container.id)
    return Orphans(beside, container.await_gone(8))


@check(
    "teardown",
    needs=["control.stop_ends_a_container"],
    hint="With PID 1 the kernel ends everything in its PID namespace.",
)
def test_nothing_of_a_container_stays(orphans: Orphans) -> None:
    """With a container end all of its processes."""
    expect(orphans.beside, f"{ORPHANS} other processes of it beside its first", "they were not seen")
    expect(orphans.gone, "no process of it is left", "some are")


def steady(count: Callable[[], int]) -> int:
    """A number that has not changed for a moment: what belongs to a container is closed some time after its end."""

    def has_changed(since: int) -> bool:
        return count() != since

    last = count()
    for _ in range(STEADY_LOOKS):
        if not wait_until(partial(has_changed, last), STEADY_SECONDS):
            break
        last = count()
    return last


@check(
    "robustness",
    stage="alone",
    containers=1 + 2 * DESCRIPTOR_ROUNDS,
    needs=["containers.starts"],
    hint="close() on every path, that of an error too.",
)
def test_descriptors_do_not_grow(engine: Engine) -> None:
    """Requests and containers leave no descriptor behind in the supervisor."""

    def request(times: int) -> None:
        containers = start_several(engine, {f"fd{turn}": "exit 0" for turn in range(times)})
        await_all_gone(containers.values(), 5)
        # What is put in order when a request comes, is so now.
        asked = [["ps"], ["logs", "nobody-here"]] * times
        if engine.level == 1:
            for words in asked:
                engine(*words)
        else:
            for client in [engine.begin(*words, timeout=CLIENT_SECONDS) for words in asked]:
                client.wait()

    def grown(seconds: float) -> tuple[int, int]:
        before = steady(engine.descriptor_count)
        request(DESCRIPTOR_ROUNDS)
        return before, look_until(engine.descriptor_count, lambda count: count <= before + 1, seconds)

    request(1)  # puts in order what is left of earlier ones
    before, after = grown(CLOSED_SECONDS / 3)
    if after > before + 1:  # there may have come as many workers as there will ever be
        before, after = grown(CLOSED_SECONDS)
    expect(after <= before + 1, f"about as many as before, {before}", after)
