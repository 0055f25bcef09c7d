"""The guest of a workspace, kept from one check to the next.

Only what differs is delivered, and only what depends on it is built anew. What was built is kept on the
host, too: a guest that broke is replaced, and its successor need not compile again.
"""

from __future__ import annotations

import contextlib
import io
import posixpath
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from grading.guest import kbuild
from grading.guest.cleaning import LEFT, cleaned
from grading.guest.delivery import TREE, Product
from grading.guest.observer import Job
from grading.guest.records import KernelRecord
from grading.guest.tools import Tools
from grading.guest.vm import TOOLS, Guest, fresh_guest, remove_guest
from grading.halves import Built, Half
from grading.session import Session
from grading.student.stalls import watched
from grading.student.store import Store
from grading.student.work import File, Work
from lab.console import Progress
from lab.errors import LabError

FEW = 6
"""Files up to which each is written by itself; more go as one archive."""


@dataclass
class Bench:
    """The guest, what is in it, and what was built before."""

    machine: str
    """Its machine's name."""
    tools: Tools
    progress: Progress
    """Told what takes long."""
    store: Store
    """What was built before, also for earlier guests."""
    guest: Guest | None = None
    good: bool = False
    """Whether the guest is as good as fresh, but for the sources delivered."""
    there: dict[str, File] = field(default_factory=dict)
    """The files that are in the guest."""
    built: dict[str, tuple[str, Product]] = field(default_factory=dict)
    """What is built there: by half, of which sources."""
    made: int = 0
    """How many guests there were."""
    cleanings: int = 0

    def lease(self) -> Guest:
        """A guest as good as fresh; whoever takes it gives it back with `clean` or `drop`."""
        if self.guest is not None and self.good:
            self.good = False
            return self.guest
        self.drop()
        self.progress.step("Restoring a fresh guest")
        remove_guest(self.machine)
        self.guest = fresh_guest(self.machine, self.tools, self.progress)
        self.made += 1
        watched(self.guest)
        return self.guest

    def drop(self) -> None:
        """Let go of the guest, whatever state it is in; the next one is fresh."""
        if self.guest is not None:
            with contextlib.suppress(LabError, OSError):  # it may be lost
                self.guest.close()
        self.guest, self.good = None, False
        self.there, self.built = {}, {}

    def clean(self) -> None:
        """Take back a guest that was used; one that cannot be cleaned is given up."""
        if self.guest is None or self.good:
            return
        self.cleanings += 1
        self.good = cleaned(self.guest, LEFT, str(self.cleanings))
        if not self.good:
            self.drop()

    def deliver(self, guest: Guest, work: Work) -> None:
        """Make the guest's files the workspace's."""
        observer = guest.observer
        gone = [path for path in self.there if path not in work.files]
        changed = [path for path, file in work.files.items() if self.there.get(path) != file]
        if gone:
            observer.run("rm", "-f", *(posixpath.join(TREE, path) for path in gone))
        if len(changed) <= FEW:
            for path in changed:
                file = work.files[path]
                observer.write(posixpath.join(TREE, path), file.content, mode=file.mode)
        else:
            # With the guest's time: make compares it with what it compiled before.
            done = observer.run("tar", "-x", "-o", "-m", "-C", "/", stdin=_archive(work, changed), timeout=60)
            if done.code != 0:
                raise LabError("The guest could not unpack the workspace", detail=done.error_text[-1000:])
        self.there = dict(work.files)

    def remember(self, half: str, sources: str, product: Product, content: bytes) -> None:
        """Keep what was built; with its content, where it is not a source itself, for other guests, too."""
        self.built[half] = (sources, product)
        if content:
            self.store.keep(half, sources, product, content)

    def find(self, guest: Guest, half: str, sources: str) -> Product | None:
        """What was built of these sources, put where it belongs; None where it must be built."""
        there = self.built.get(half)
        if there is not None and there[0] == sources:
            return there[1]
        known = self.store.find(half, sources)
        if known is None:
            return None
        product, content = known
        guest.observer.write(product.path, content, mode=0o755)
        self.built[half] = (sources, product)
        return product


def _archive(work: Work, paths: Iterable[str]) -> bytes:
    """These files as a tar archive, root's, to be unpacked at /."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in paths:
            file = work.files[path]
            member = tarfile.TarInfo(posixpath.join(TREE, path).lstrip("/"))
            member.size, member.mode = len(file.content), file.mode
            archive.addfile(member, io.BytesIO(file.content))
    return buffer.getvalue()


@dataclass(frozen=True)
class Seen:
    """What was seen in one guest."""

    kernel: tuple[KernelRecord, ...]
    programs: tuple[Job, ...]
    """Those that were started in it for the checks, as far as they are remembered."""


@dataclass
class WorkspaceSession(Session):
    """The session of one `lab check`: the kept guest, with the workspace's sources in it."""

    bench: Bench = field(kw_only=True)
    work: Work = field(kw_only=True)
    token: str = field(kw_only=True)
    """Another one at each check, so that names never come again while something of the last ones is there."""

    earlier: list[Seen] = field(default_factory=list, kw_only=True)
    """Of guests that broke."""

    @classmethod
    def of(
        cls, bench: Bench, work: Work, seed: str, token: str, whose: tuple[str, str] = ("", "")
    ) -> WorkspaceSession:
        """The session of a workspace.

        Args:
            bench: has the guest.
            work: what is checked.
            seed: of the checks' numbers; the student's own.
            token: see the class.
            whose: the student's id and the course's seed, for the student's own numbers in checks.
        """
        return cls(
            open_guest=bench.lease, tools=bench.tools, tree=None, left_behind=frozenset(),
            engine_half=work.engine, module_half=work.monitor, level=2, seed=seed,
            student=whose[0], course_seed=whose[1], bench=bench, work=work, token=token,
        )  # fmt: skip

    def nonce(self) -> str:
        """A word that occurs nowhere else, nor in earlier checks."""
        return f"{super().nonce()}{self.token}"

    def replace_guest(self) -> None:
        """As the session does; the next guest is fresh."""
        self.earlier += self._seen_now()
        super().replace_guest()
        self.bench.drop()

    def seen(self) -> list[Seen]:
        """What there was to see in each guest of this session, also in those that broke."""
        return [*self.earlier, *self._seen_now()]

    def _seen_now(self) -> list[Seen]:
        if self._guest is None:
            return []
        observer = self._guest.observer
        return [Seen(tuple(observer.kernel), tuple(observer.jobs))]

    def _prepare(self, guest: Guest) -> None:
        bench, work = self.bench, self.work
        fresh = not bench.there
        bench.deliver(guest, work)
        if fresh:
            kbuild.use(guest.observer, TOOLS, guest.kernel, [each.folder for each in work.monitor.attempts])
        self.built = self._built_anew(guest)

    def _built_anew(self, guest: Guest) -> Built:
        """Both halves, built as far as their sources changed."""
        bench, observer = self.bench, guest.observer
        halves = {"engine": self.engine_half, "monitor": self.module_half}
        sources = {name: f"{guest.kernel} {_sources(half, self.work)}" for name, half in halves.items()}
        found = {name: bench.find(guest, name, sources[name]) for name in halves}
        if found["engine"] is not None and found["monitor"] is not None:
            return Built(found["engine"], found["monitor"])
        what = " and ".join(name for name, half in halves.items() if found[name] is None and half.attempts)
        if what:
            bench.progress.step(f"Building {what}")
        for name, half in halves.items():
            if found[name] is None and half.attempts:
                # An older one must not be taken for the one that did not build.
                made = [
                    path for path in half.products if posixpath.relpath(path, TREE) not in self.work.files
                ]
                observer.run("rm", "-f", *made) if made else None
        self.engine_half, self.module_half = (
            half if found[name] is None else replace(half, attempts=()) for name, half in halves.items()
        )
        try:
            made_now = self._build_both(guest)
        finally:
            self.engine_half, self.module_half = halves["engine"], halves["monitor"]
        products = {
            "engine": found["engine"] or made_now.engine,
            "monitor": found["monitor"] or made_now.module,
        }
        for name, product in products.items():
            is_source = posixpath.relpath(product.path or TREE, TREE) in self.work.files
            if product.path:
                content = b"" if is_source else observer.read(product.path)
                bench.remember(name, sources[name], product, content)
        return Built(products["engine"], products["monitor"])


def _sources(half: Half, work: Work) -> str:
    """Names what a half is built from: the files below the folder in which it is built."""
    folder = half.attempts[0].folder if half.attempts else half.folder
    if not folder:
        return "nothing"
    return f"{half.attempts} {work.digest(posixpath.relpath(folder, TREE))}"
