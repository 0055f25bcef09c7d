"""One submission being graded: its guest, what was built, and the services that checks ask for.

The session makes a guest whenever one is needed: at the beginning, and again when a check has
broken it. Everything that a check may take as a fixture, and a scenario as a parameter, is a
service here.
"""

from __future__ import annotations

import hashlib
import itertools
import posixpath
import random
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grading.api.allowance import BEARS, Allowance
from grading.api.container import Rootfs
from grading.api.engine import Engine
from grading.api.expectations import Unmet, wait_until, wait_with
from grading.api.module import Module
from grading.api.scenarios import Scenarios
from grading.api.sockets import ABSTRACT
from grading.api.starts import Starts
from grading.guest import delivery, kbuild, roots
from grading.guest.delivery import Product, Tried
from grading.guest.observer import GuestError
from grading.guest.records import Process, descendants
from grading.guest.tools import BASE, MONITOR, ROOTS, Tools
from grading.guest.vm import TOOLS, Guest
from grading.halves import REFERENCE, Built, Half, reference_module
from grading.submissions import compiling
from grading.submissions.attempts import Attempt
from grading.submissions.candidates import Half as HalfName
from lab import paths
from lab.errors import MachineError
from lab.exercises import catalogue, parameters

WORKERS = 6
"""Scenarios that run at once: most of each is waiting, and a guest has two processors."""

RENEWAL_SECONDS = 1.5
"""A supervisor without containers has so long to end on SIGTERM, before it is killed."""

STARTS = 2
"""So many supervisors are started that do not answer, before any has; it is known then, and each takes long."""

NOTHING = Product("", "", ())


@dataclass
class Session:
    """All that the checks of one submission share."""

    open_guest: Callable[[], Guest]
    """A fresh machine, each time it is called; the one before is gone then."""
    tools: Tools
    tree: Path | None
    """The submission on the host; None where both halves are ours."""
    left_behind: frozenset[Path]
    """What of it is not delivered, such as another kernel's objects; relative to the tree."""
    engine_half: Half
    module_half: Half
    level: int
    seed: str
    student: str = ""
    """The id of whose work it is; empty where nobody's own numbers are used."""
    course_seed: str = ""
    measured: dict[str, float] = field(default_factory=dict)
    """What scenarios measured for the answers of students, by the name of the measurement."""
    built: Built | None = None
    replaced: int = 0
    """How often a broken guest was replaced."""
    _is_replacing: bool = False
    """Whether scenarios may still be under way that lost their guest: the next one is not for them."""
    _guest: Guest | None = None
    _services: dict[str, Any] = field(default_factory=dict)
    _hung: set[str] = field(default_factory=set)
    """Commands of the engine that hang, in every guest."""
    _sockets: set[str] = field(default_factory=set)
    """Where its supervisors had their sockets."""
    _answers: bool = False
    """Whether a supervisor of its has ever answered."""
    _unanswered: list[Unmet] = field(default_factory=list)
    """What was wrong with those that did not, before any has."""
    breaks_on_load: bool = False
    """Whether its module breaks the kernel when it is loaded: then ours is, so that this costs the engine nothing."""
    _is_load_proven: bool = False
    """Whether a guest was well after its module was loaded."""
    _may_be_load: bool = False
    """Whether the last guest that was replaced broke before its module was proven."""
    ignores_sigterm: bool = False
    """Whether its supervisor went on after SIGTERM, with no container left."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        ours = self.engine_half.whose == "reference"
        most = BEARS if self.level == 1 else None
        self.allowance = Allowance(most, self.renew_supervisor, is_strict=ours)
        self.starts = Starts(self.allowance.has_room)
        self.scenarios = self._new_scenarios()
        self.random = random.Random(self.seed)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taken for either half: there is nothing to build, and no guest is needed to say so."""
        return not self.engine_half.folder and not self.module_half.folder

    @property
    def guest(self) -> Guest:
        """The guest, with the submission delivered and built."""
        with self._lock:
            if self._guest is None:
                if self._is_replacing:
                    raise MachineError("The guest is being replaced")
                self._guest = self.open_guest()
                wait_with(self._guest.patience)
                self._prepare(self._guest)
            return self._guest

    def replace_guest(self) -> None:
        """Throw the guest away; the next look makes a new one."""
        self.scenarios.begin_no_more()
        with self._lock:
            if self._guest is not None:
                self._guest.close()
            self._guest = None
            self._may_be_load = "module" in self._services and not self._is_load_proven
            self._is_replacing = True
            self._services.clear()
            self.replaced += 1
        before, self.scenarios = self.scenarios, self._new_scenarios()
        try:
            self.scenarios.adopt(before)
        finally:
            self._is_replacing = False

    def vouch_for_load(self) -> None:
        """The guest is well: if the module was loaded in it, then it can be."""
        self._is_load_proven = self._is_load_proven or "module" in self._services

    def blame_load(self) -> None:
        """What broke the guest that was replaced last was the submission's doing, and may have been the loading."""
        self.breaks_on_load = self.breaks_on_load or self._may_be_load

    def _new_scenarios(self) -> Scenarios:
        return Scenarios(self.service, self.allowance.room, WORKERS)

    def close(self) -> None:
        """Let go of the guest."""
        with self._lock:
            if self._guest is not None:
                self._guest.close()
                self._guest = None

    def nonce(self) -> str:
        """A word that occurs nowhere else."""
        with self._lock:
            text = f"{self.seed} {next(self._numbers)}"
        return "n" + hashlib.sha256(text.encode()).hexdigest()[:9]

    def own(self, number: str) -> dict[str, str | int]:
        """The student's own parameters of an exercise, by its number; empty where it is nobody's work."""
        if not self.student:
            return {}
        return parameters.values(catalogue.exercise(number).parameters, self.student, self.course_seed)

    def new_id(self, name: str) -> str:
        """A container's id that begins so and was not used before."""
        return f"{name}-{self.nonce()[:6]}"

    def new_rootfs(self) -> Rootfs:
        """A root file system that no container has used: the base's files, and a probe of its own name."""
        nonce = self.nonce()
        path = f"{ROOTS}/rootfs-{nonce}"
        with self._lock:
            roots.make_base(self.guest.observer)
        roots.make_root(self.guest.observer, path, f"probe-{nonce}")
        return Rootfs(path, nonce)

    def service(self, name: str) -> Any:
        """A service by the name that a fixture or a scenario's parameter has."""
        if name == "engine":
            return self.engine()
        makers: dict[str, Callable[[], Any]] = {
            "observer": lambda: self.guest.observer,
            "guest": lambda: self.guest,
            "module": self.module,
            "rootfs": lambda: self.new_rootfs,
            "nonce": lambda: self.nonce,
            "graded": lambda: self,
            "own": lambda: self.own,
            "kernel_log": lambda: self.module().log,
        }
        return makers[name]()

    def end_engine(self) -> None:
        """Kill all that was not there before the delivery, so that the monitor's device is free."""
        with self._lock:
            guest = self.guest
            engine: Engine | None = self._services.get("engine")
            if engine is not None:
                engine.supervisor = None

            wait_until(lambda: not self._kill(guest.newcomers()), 5)

    def renew_supervisor(self) -> None:
        """End the supervisor as one does it by hand, and what is left of it; the next look starts another.

        Nothing of what it leaves behind may cost the next one anything: that it cleans up is a check of its own.
        Whatever else was begun meanwhile in a student's own VM is left alone.
        """
        with self._lock:
            engine: Engine | None = self._services.get("engine")
            if engine is None or not engine.supervisor_lives:
                return
            sockets, supervisor = engine.sockets, engine.supervisor
            assert supervisor is not None
            newcomers = self.guest.newcomers()
            contained = [each for each in newcomers if len(each.space_pids) > 1]
            self._kill(contained)  # they need not be asked to end
            if not self.ignores_sigterm:
                self.ignores_sigterm = engine.stop_supervisor(seconds=RENEWAL_SECONDS) is None
            if engine.supervisor_lives:
                engine.stop_supervisor(signal.SIGKILL)
            engine.supervisor = None
            left = [*contained, *descendants(newcomers, supervisor.pid)]
            wait_until(lambda: not self._kill(left), 5)
            self.guest.observer.run("rm", "-f", *(path for path in sockets if not path.startswith(ABSTRACT)))

    def _kill(self, processes: Iterable[Process]) -> list[Process]:
        """Kill those of these that live, and return them."""
        now = {(each.pid, each.start): each for each in self.guest.newcomers() if each.state != "Z"}
        left = [now[each.pid, each.start] for each in processes if (each.pid, each.start) in now]
        for process in left:
            with suppress(GuestError):  # gone with its parent
                self.guest.observer.signal(process.pid, signal.SIGKILL, start=process.start)
        return left

    @property
    def is_stuck(self) -> bool:
        """Whether the supervisor answers nobody any more."""
        engine: Engine | None = self._services.get("engine")
        return engine is not None and engine.stuck is not None

    def restart_engine(self) -> None:
        """End a supervisor that answers nobody; what it has cut short may run again, one by one."""
        before, self.scenarios = self.scenarios, self._new_scenarios()
        before.begin_no_more()
        self.end_engine()
        self.scenarios.adopt(before, failures=True)
        self.end_engine()  # one that had just begun may have started another
        with self._lock:
            self._services.pop("engine", None)

    def module(self) -> Module:
        """The monitor, loaded where it was built."""
        with self._lock:
            if "module" not in self._services:
                guest = self.guest
                assert self.built is not None
                path = self.built.module.path
                module = Module(guest.observer, path, self.tools)
                self._services["module"] = module
                is_loaded = bool(path) and not self.breaks_on_load and module.load().code == 0
                if not is_loaded and self.module_half.whose == "submission":
                    module.is_stood_in_for = True
                    self._stand_in(guest)
            found: Module = self._services["module"]
            return found

    def idle_engine(self) -> Engine:
        """The engine, without a supervisor of ours."""
        with self._lock:
            if "engine" not in self._services:
                guest = self.guest
                assert self.built is not None
                self.module()
                path = self.built.engine.path
                roots.make_base(guest.observer)
                self._services["engine"] = Engine(
                    guest.observer, (path,), posixpath.dirname(path), BASE, self.level,
                    self.new_rootfs, self.new_id, is_shared=self.scenarios.beside_each_other, hung=self._hung,
                    sockets_before=self._sockets, ask=self.allowance.ask, starts=self.starts,
                )  # fmt: skip
            found: Engine = self._services["engine"]
            return found

    def engine(self) -> Engine:
        """The engine with a supervisor that answers."""
        with self._lock:
            engine = self.idle_engine()
            if not engine.supervisor_lives:
                self._start_supervisor(engine)
            return engine

    def _start_supervisor(self, engine: Engine) -> None:
        if len(self._unanswered) >= STARTS:
            raise self._unanswered[-1]
        try:
            engine.start_supervisor()
        except Unmet as error:
            if not self._answers:
                self._unanswered.append(error)
            raise
        self._answers = True

    def _prepare(self, guest: Guest) -> None:
        """Deliver and build. Where nothing is taken of a submission, ours stands in."""
        observer = guest.observer
        if self.tree is not None:
            delivery.deliver(observer, self.tree, delivery.TREE, self.left_behind.__contains__)
        if self.engine_half.whose == "reference":
            self._deliver_ours(guest, "runtime")
        if self.module_half.whose == "reference":
            self.module_half = self._our_module(guest)
        kbuild.use(observer, TOOLS, guest.kernel, [each.folder for each in self.module_half.attempts])
        self.built = self._build_both(guest)

    def _build_both(self, guest: Guest) -> Built:
        """Build what was delivered, in the likeliest way first."""
        engine, module = self._build_at_once(guest)
        if not engine.path:
            engine = self._build(guest, "engine", self.engine_half, engine)
        if not engine.path and self.engine_half.whose == "submission":
            older = delivery.with_older_compiler(guest.observer, self.engine_half.attempts)
            engine = self._try(guest, "engine", self.engine_half, older, engine.attempts)
        path = self._find_module(guest, self.module_half) if _is_done(engine, self.module_half) else ""
        if path:
            module = replace(engine, path=path)
        if not module.path:
            module = self._build(guest, "monitor", self.module_half, module)
        return Built(engine, module)

    def _build_at_once(self, guest: Guest) -> tuple[Product, Product]:
        """Try the likeliest way for both halves at once, where they cannot be in each other's way."""
        halves: tuple[tuple[HalfName, Half], ...] = (
            ("engine", self.engine_half), ("monitor", self.module_half)
        )  # fmt: skip
        if not all(half.attempts and half.attempts[0].apart for _, half in halves):
            return NOTHING, NOTHING
        with ThreadPoolExecutor(len(halves)) as pool:
            engine, module = pool.map(
                lambda each: self._build(guest, each[0], replace(each[1], attempts=each[1].attempts[:1])),
                halves,
            )
        return engine, module

    def _stand_in(self, guest: Guest) -> None:
        """Load our monitor where theirs cannot be, so that it costs the engine nothing."""
        ours = self._build(guest, "monitor", self._our_module(guest))
        guest.observer.run("insmod", ours.path)

    def _our_module(self, guest: Guest) -> Half:
        """Our monitor: as it lies on the tools' disk, else (in a student's own VM) from its sources."""
        if guest.observer.stat(f"{TOOLS}/{MONITOR}") is not None:
            return Half("reference", TOOLS, products=(f"{TOOLS}/{MONITOR}",))
        self._deliver_ours(guest, "kernel")
        return reference_module()

    @staticmethod
    def _deliver_ours(guest: Guest, name: str) -> None:
        delivery.deliver(
            guest.observer, paths.CHECKOUT / name, f"{REFERENCE}/{name}",
            lambda path: "__pycache__" in path.parts or path.suffix in (".o", ".ko"),
        )  # fmt: skip

    def _build(self, guest: Guest, name: HalfName, half: Half, before: Product = NOTHING) -> Product:
        """Build a half in the ways that are left after some were tried in vain."""
        left = half.attempts[len(before.attempts) :]
        for tried, attempt in zip(before.attempts, half.attempts, strict=False):
            left = compiling.left(name, attempt, tried.said, half.sources, left)
        return self._try(guest, name, half, left, before.attempts)

    def _try(
        self,
        guest: Guest,
        name: HalfName,
        half: Half,
        attempts: tuple[Attempt, ...],
        before: tuple[Tried, ...],
    ) -> Product:
        find = self._find_engine if name == "engine" else self._find_module
        return delivery.build(
            guest.observer, attempts, lambda: find(guest, half), before=before,
            left=lambda failed, said, others: compiling.left(name, failed, said, half.sources, others),
        )  # fmt: skip

    @staticmethod
    def _find_engine(guest: Guest, half: Half) -> str:
        observer = guest.observer
        if not half.folder:
            return ""
        for path in half.products:
            status = observer.stat(path)
            if status and status.kind == "f" and observer.read(path, most=2) == b"#!":
                observer.run("chmod", "755", path)  # an archive may have lost it
            if delivery.is_program(observer, path):
                return path
        programs = delivery.find_files(
            observer, half.folder, lambda path, name: delivery.is_program(observer, path), depth=3
        )
        named = [path for path in programs if posixpath.basename(path) == "engine"]
        workloads = ("cpu_hog", "memory_hog", "io_pulse")
        others = [
            path
            for path in programs
            if posixpath.basename(path) not in workloads and observer.read(path, most=4) == b"\x7fELF"
        ]
        return (named + others + [""])[0]

    @staticmethod
    def _find_module(guest: Guest, half: Half) -> str:
        if not half.folder:
            return ""
        for path in half.products:
            if guest.observer.stat(path) is not None:
                return path
        modules = delivery.find_files(guest.observer, half.folder, lambda path, name: name.endswith(".ko"))
        named = [path for path in modules if posixpath.basename(path) == "monitor.ko"]
        return (named + modules + [""])[0]


def _is_done(engine: Product, module: Half) -> bool:
    """Whether the command that made the engine is the one that would make the module."""
    if not engine.attempts or not engine.path or not module.attempts:
        return False
    last, first = engine.attempts[-1], module.attempts[0]
    return (last.finished.words, last.folder) == (first.argv, first.folder)
