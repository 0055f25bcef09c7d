"""The submission's engine as a check drives it: a supervisor, clients, and containers.

Commands are run by the observer, as root, in the engine's own folder, without a shell. What a
container is and does is looked up in the guest's kernel, never in what the engine says.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from grading.api.container import LISTED_LEAST, Container, Rootfs, and_said
from grading.api.expectations import Disturbed, Unmet, expect, wait_until
from grading.api.listing import Listing
from grading.api.log_places import LogPlaces
from grading.api.sockets import ABSTRACT, descriptors, listening, sockets_of
from grading.api.starts import Starts
from grading.guest.observer import GuestError, Job, Observer
from grading.guest.records import Finished

CLIENT_SECONDS = 6.0
"""The most that a client which does not wait may take, on a fast machine."""

PROMPT_SECONDS = 6.0
"""In which a client must be answered, whatever others do; on a fast machine."""

SUPERVISOR_SECONDS = 15.0
"""Until a supervisor answers."""

STOP_SECONDS = 15.0
"""For `stop`, with the longest time of grace that runtimes are known for (10 s)."""

HUNG_SHARE = 1 / 6
"""A command whose client has hung once gets this part of its time from then on: it is known to hang, and what
comes to its end after all does so sooner."""

PACES = 2
"""But so many times as long as any client has taken that came to its end."""

HELD_UP_PACES = 10
"""So many times as long as any other, and a client is taken to be held up."""

LOOK_SECONDS = 0.5
"""Between two looks whether a container that is run still lives."""

QUICK_SECONDS = 2.0
"""In which `start` comes to its end, if it does not wait for its container's; its end is told, and nobody need look."""

SOON_SECONDS = 0.3
"""The same at level 1 for one that is to run: it may not live for long."""

STUCK_SECONDS = 3.0
"""In which one more client must be answered, when one was not and none has been since it began."""

SOCKET_SECONDS = 4.0
"""In which a supervisor is expected to open its socket; clients that ask before take its processor from it."""


class Stuck(Unmet):
    """The supervisor answers nobody any more: what one scenario has done to it, all others beside it feel."""

    def __init__(self, words: Sequence[str], how: str = "was not answered, and no other after it") -> None:
        super().__init__("a supervisor that answers its clients", f"`engine {' '.join(words)}` {how}")


@dataclass
class Engine:
    """The engine under test.

    Args of the dataclass: the observer, the words that begin its command line, its folder, the base rootfs,
    the level that is graded.
    """

    observer: Observer
    words: tuple[str, ...]
    folder: str
    base: str
    level: int
    new_rootfs: Callable[[], Rootfs]
    new_id: Callable[[str], str]
    supervisor: Job | None = None
    ids: list[str] = field(default_factory=list)
    """Of all containers that were asked for."""
    is_shared: Callable[[], bool] = lambda: False
    """Whether other scenarios use the same supervisor now."""
    stuck: Stuck | None = None
    """Set once the supervisor answers nobody."""
    hung: set[str] = field(default_factory=set)
    """Commands whose clients hang, though others are answered."""
    sockets_before: set[str] = field(default_factory=set)
    """Paths of the sockets that supervisors before had. What is left of them is taken away at level 1, where nobody
    asks that a supervisor takes over a stale one; each of ours may have been killed."""
    ask: Callable[[], None] = lambda: None
    """Called before each container that it is asked for."""
    starts: Starts = field(default_factory=Starts)
    log_places: LogPlaces = field(default_factory=LogPlaces)
    outputs_missed: int = 0
    """So many more outputs were waited for in vain than were kept."""
    _starts_linger: bool = False
    """Whether the last `start` went on for long; then its container is looked for meanwhile."""
    _slowest: float = 0.0
    """Seconds of the slowest client that came to its end and did not wait for a container, on a fast machine."""
    _answered: float = 0.0
    """When the last client came to its end, on the guest's clock."""
    _others_listen: frozenset[str] = frozenset()
    """Sockets that were there before the supervisor."""

    def __call__(self, *arguments: str, timeout: float = CLIENT_SECONDS, limit: int = 1 << 20) -> Finished:
        """Run a client to its end."""
        self._unless_stuck()
        self._count(arguments)
        finished = self.observer.run(
            *self.words, *arguments, folder=self.folder, timeout=self._within(arguments, timeout), limit=limit
        )
        self._learn(arguments, finished)
        return finished

    def _within(self, arguments: Sequence[str], seconds: float) -> float:
        """The most that a client with this command line may take."""
        if self.supervisor is not None and not self.supervisor_lives:
            return min(seconds, STUCK_SECONDS)
        if not arguments or arguments[0] not in self.hung:
            return seconds
        grace = CLIENT_SECONDS if arguments[0] == "stop" else 0  # that it waits before it kills is no hanging
        return min(seconds, max(seconds * HUNG_SHARE, self._slowest * PACES, grace))

    def paced(self, seconds: float) -> float:
        """Of a client that may be held up by another: no more than it needs by how fast others were answered.

        Args:
            seconds: the most, on a fast machine.
        """
        return min(seconds, max(STUCK_SECONDS, self._slowest * HELD_UP_PACES))

    def _count(self, arguments: Sequence[str]) -> None:
        if arguments[:1] in (("start",), ("run",)):
            self.ask()
            self.ids += [each for each in arguments[1:2] if each and each not in self.ids]

    def _unless_stuck(self) -> None:
        if self.stuck is not None:
            raise self.stuck

    def _learn(self, arguments: Sequence[str], finished: Finished) -> None:
        """From the end of a client: whether its command hangs, or the supervisor does.

        Raises:
            Stuck: the supervisor does, and another scenario may be the one that made it so.
        """
        # Its containers may hold the dead one's socket open: then clients are not refused, but wait.
        died = bool(finished.code) and self.supervisor is not None and not self.supervisor_lives
        if died and self.is_shared():
            said = and_said(self.supervisors_words)
            self.stuck = Stuck(arguments, f"found that the supervisor has ended; it ran {said}")
            raise self.stuck
        if not finished.timed_out:
            self._answered = max(self._answered, finished.ended)
            if arguments and arguments[0] not in ("run", "stop"):
                self._slowest = max(self._slowest, finished.seconds / self.observer.patience.now(1))
            return
        if self.supervisor is None or died or not arguments or arguments[0] == "run":
            return
        if finished.began >= self._answered and self.supervisor_lives:
            asked = finished
            if arguments[0] != "ps":
                asked = self.observer.run(*self.words, "ps", folder=self.folder, timeout=STUCK_SECONDS)
            if asked.timed_out and finished.began >= self._answered:
                self.stuck = Stuck(arguments)
                if self.is_shared():
                    raise self.stuck
                return
            if not asked.timed_out:
                self._answered = max(self._answered, asked.ended)
        self.hung.add(arguments[0])

    def begin(self, *arguments: str, timeout: float = 60) -> Job:
        """Start a client, and go on."""
        self._count(arguments)
        return self.observer.start(*self.words, *arguments, folder=self.folder, timeout=timeout)

    # A supervisor

    def start_supervisor(self, *, seconds: float = SUPERVISOR_SECONDS) -> Job:
        """Start one, and wait until it answers `ps`."""
        job = self.begin_supervisor()
        self.await_supervisor(job, seconds)
        return job

    def begin_supervisor(self) -> Job:
        """Start one."""
        if self.level == 1 and self.sockets_before:
            self.observer.run("rm", "-f", *sorted(self.sockets_before))
        self._others_listen = self._listening()
        self.supervisor = self.observer.start(
            *self.words, "supervisor", self.base, folder=self.folder, timeout=0, limit=1 << 16
        )
        return self.supervisor

    def await_supervisor(self, job: Job, seconds: float = SUPERVISOR_SECONDS) -> None:
        """Wait until it answers."""
        until = self.observer.patience.deadline(SOCKET_SECONDS)

        def answers() -> bool:
            if job.wait(0) is not None:
                return True
            if until.left() > 0 and self._listening() <= self._others_listen:
                return False
            return self.observer.run(*self.words, "ps", folder=self.folder, timeout=5).code == 0

        wait_until(
            answers, seconds, "that `engine ps` is answered by the supervisor",
            actual=lambda: f"it is not; the supervisor runs {and_said(self.supervisors_words)}",
        )  # fmt: skip
        ended = job.wait(0)
        expect(
            ended is None,
            "a supervisor that stays up",
            ended and f"it ended with status {ended.code} {and_said(ended.said, 800)}",
        )
        self.sockets_before |= {path for path in self.sockets if not path.startswith(ABSTRACT)}

    def _listening(self) -> frozenset[str]:
        return frozenset(each.inode for each in listening(self.observer))

    @property
    def supervisor_lives(self) -> bool:
        """Whether the one that was started last is still there."""
        return self.supervisor is not None and self.supervisor.wait(0) is None

    @property
    def supervisors_words(self) -> str:
        """What the supervisor that was started last has printed so far; undecodable bytes as `\\xNN`."""
        printed = b"".join(self.supervisor.output()) if self.supervisor else b""
        return printed.decode("utf-8", "backslashreplace").strip()

    def stop_supervisor(self, number: int = signal.SIGTERM, seconds: float = 15) -> Finished | None:
        """Send it a signal, and wait for its end; None where it goes on."""
        if self.supervisor is None:
            return None
        with suppress(GuestError):  # it may have ended by itself
            self.supervisor.signal(number)
        return self.supervisor.wait(seconds)

    @property
    def sockets(self) -> dict[str, int]:
        """Paths of the UNIX sockets on which the supervisor takes requests, and their types."""
        return sockets_of(self.observer, self.supervisor.pid, self.folder) if self.supervisor else {}

    def descriptor_count(self) -> int:
        """How many descriptors the supervisor has open."""
        return len(descriptors(self.observer, self.supervisor.pid)) if self.supervisor else 0

    # Containers

    def container(self, name: str = "c", rootfs: Rootfs | None = None) -> Container:
        """An id and a rootfs that nobody has used."""
        made = Container(self, self.new_id(name), rootfs or self.new_rootfs())
        self.ids.append(made.id)
        return made

    def command(self, rootfs: Rootfs, probe: str) -> str:
        """The one word that is the command of a container which runs the probe.

        What the probe shall do stands in a file beside it, so that no check but those of arguments depends on
        how an engine passes them on.
        """
        words = probe.replace("NONCE", rootfs.nonce).split()
        self.observer.write(f"{rootfs.path}{rootfs.probe}.args", "\n".join([*words, ""]).encode())
        return rootfs.probe

    def _options(self, soft: int | None, hard: int | None, nice: int | None) -> list[str]:
        options = []
        for name, value in (("--soft-mib", soft), ("--hard-mib", hard), ("--nice", nice)):
            if value is not None:
                options += [name, str(value)]
        return options

    def start(
        self, probe: str, *, name: str = "c", soft: int | None = None, hard: int | None = None,
        nice: int | None = None, rootfs: Rootfs | None = None, running: bool = True, again: bool = True,
    ) -> Container:  # fmt: skip
        """`engine start` of a container that runs the probe, which must succeed.

        Args:
            probe: the probe's words, as `hold 20`; NONCE stands for the rootfs's own nonce.
            name: how its id begins.
            soft: MiB; None for the engine's default.
            hard: likewise.
            nice: likewise.
            rootfs: None for a new one.
            running: also wait until the kernel shows its process.
            again: at level 1 one that does not come up is started anew, once, where nearly all others did: an engine
                that races with itself once in forty starts would else lose at random what is asked of it. Not where
                just that is looked for, nor in a rootfs that was named.
        """
        container = self.begin_start(probe, name=name, soft=soft, hard=hard, nice=nice, rootfs=rootfs)
        try:
            self.await_start(container, running=running)
        except (Stuck, Disturbed):
            raise
        except Unmet:
            is_tolerant = again and self.level == 1 and rootfs is None
            if not is_tolerant or self.stuck or not self.supervisor_lives or not self.starts.was_chance():
                raise
            container = self.begin_start(probe, name=name, soft=soft, hard=hard, nice=nice)
            self.await_start(container, running=running)
        return container

    def await_start(self, container: Container, *, running: bool) -> None:
        """Wait until the `start` of one that was begun has succeeded, and where it is asked for, until it runs."""
        client, seconds = container.client, self._within(("start",), CLIENT_SECONDS)
        assert client is not None
        quick = min(seconds, SOON_SECONDS if running and self.level == 1 else QUICK_SECONDS)
        answer = None if self._starts_linger else client.wait(quick)
        if answer is None:
            # A client that hangs is a failure of its own (control.start_returns), and no reason to see nothing else.
            wait_until(lambda: client.wait(0) or (running and container.processes), seconds)
            # Who does not wait for its process waits for the client's own limit.
            answer = client.wait(0 if running else 1)
        self._starts_linger = answer is None
        if answer is not None:
            self._learn(client.words[len(self.words) :], answer)
            if answer.refuses:
                # Its supervisor may have been interrupted by the end of another's container.
                kind = Disturbed if self.is_shared() else Unmet
                raise kind(
                    "`engine start` succeeds",
                    f"it ended with status {answer.code} {and_said(answer.said, 600)}",
                )
        if running:
            container.await_running()
        self.starts.note()

    def begin_start(
        self, probe: str, *, name: str = "c", soft: int | None = None, hard: int | None = None,
        nice: int | None = None, rootfs: Rootfs | None = None,
    ) -> Container:  # fmt: skip
        """`engine start`, without waiting for anything."""
        container = self.container(name, rootfs)
        self._unless_stuck()
        container.client = self.begin(
            "start", container.id, container.rootfs.path, self.command(container.rootfs, probe),
            *self._options(soft, hard, nice), timeout=self._within(("start",), CLIENT_SECONDS),
        )  # fmt: skip
        return container

    def run(
        self, probe: str, *, name: str = "c", soft: int | None = None, hard: int | None = None,
        nice: int | None = None, rootfs: Rootfs | None = None, timeout: float = 30,
    ) -> tuple[Container, Finished]:  # fmt: skip
        """`engine run`, to its end."""
        container = self.begin_run(
            probe, name=name, soft=soft, hard=hard, nice=nice, rootfs=rootfs, timeout=timeout
        )
        return container, self.await_return(container)

    def await_return(self, container: Container) -> Finished:
        """The end of a `run`; one that does not come though its container has ended is not waited for any longer."""
        job = container.job
        assert job is not None
        returns = self.observer.patience.deadline(CLIENT_SECONDS)
        while (finished := job.wait(LOOK_SECONDS)) is None and returns.left() > 0:
            if container.processes:
                returns = self.observer.patience.deadline(CLIENT_SECONDS)
        if finished is not None:
            return finished
        with suppress(GuestError):  # it ends now, after all
            job.signal(signal.SIGKILL)
        finished = job.wait()
        assert finished is not None
        return replace(finished, timed_out=True)

    def begin_run(
        self, probe: str, *, name: str = "c", soft: int | None = None, hard: int | None = None,
        nice: int | None = None, rootfs: Rootfs | None = None, timeout: float = 30,
    ) -> Container:  # fmt: skip
        """`engine run`, without waiting for its end."""
        container = self.container(name, rootfs)
        container.job = self.begin(
            "run", container.id, container.rootfs.path, self.command(container.rootfs, probe),
            *self._options(soft, hard, nice), timeout=timeout,
        )  # fmt: skip
        return container

    def stop(self, identifier: str, timeout: float = STOP_SECONDS) -> Finished:
        """`engine stop`."""
        return self("stop", identifier, timeout=timeout)

    def answers(self) -> None:
        """Ask for `ps`, which must be answered, whatever others do."""
        done = self("ps", timeout=self.paced(PROMPT_SECONDS))
        self.expect_supervisor()
        expect(
            done.code == 0 and not done.timed_out,
            "`ps` is answered",
            f"it ended with status {done.ending} {and_said(done.error_text)}",
        )

    def expect_supervisor(self) -> None:
        """Fail where the supervisor has ended."""
        expect(
            self.supervisor_lives,
            "the supervisor lives",
            f"it has ended; it ran {and_said(self.supervisors_words)}",
        )

    def ps(self, *wanted: Container) -> Listing:
        """`engine ps`, read.

        Args:
            wanted: containers that it must list.

        Raises:
            Disturbed: it lists some, but not these, and others have started containers, too. At level 1 an answer may
                have room for a few only.
        """
        listing = Listing(self("ps"), self.level, self.ids)
        if (
            self.level == 1
            and self.is_shared()
            and not all(listing.entry(each.id) for each in wanted)
            and sum(bool(listing.entry(each)) for each in self.ids) >= LISTED_LEAST
        ):
            raise Disturbed("`ps` lists what was started", listing.text)
        return listing

    def logs(self, identifier: str, limit: int = 8 << 20) -> bytes:
        """`engine logs`: what it prints on standard output."""
        return self("logs", identifier, limit=limit).stdout
