"""Where an engine keeps its containers' logs: the contract leaves that to it, and `logs` does not say where."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grading.api.sockets import open_files
from grading.guest.observer import GuestError
from grading.guest.records import descendants

if TYPE_CHECKING:
    from grading.api.container import Container

LOG_FOLDERS = ("/var/log", "/tmp", "/run", "/var/lib", "/var/tmp", "/root", "/opt", "/home")
"""Where it may keep them, besides its own folder: looked through with two folders below each."""

SEARCH_DEPTH = 2

LESSONS = 8
"""So often it is asked where they are, at most; what was learned of one container's log holds for all others."""

LISTINGS = 2
"""So often `ps` is asked for that: each starts a client."""

ROOT = re.compile(r"rootfs-\w+")
"""The folder of a container's root file system."""

PATH = re.compile(r"(?<![\w./-])[\w./-]*/[\w.-]+")

PATHS = 50
"""Of those that `ps` tells of one container, so many are looked at."""


@dataclass
class LogPlaces:
    """What is known of one engine's."""

    deep: list[str] = field(default_factory=list)
    """Folders that are looked through as `LOG_FOLDERS` are."""
    shallow: list[str] = field(default_factory=list)
    """Folders of which the files are looked at, and none below: root file systems lie there."""
    _is_known: bool = False
    """Whether any was found."""
    _asked: set[str] = field(default_factory=set)
    """Ids of the containers for which it was asked."""

    def files_with(self, word: bytes, container: Container, since: str) -> list[str]:
        """Files of up to 1 MiB that hold a word of a container's, none of which changed before that path did."""
        engine = container.engine
        known = [engine.folder, *LOG_FOLDERS]
        found = engine.observer.search(word, [*known, *self.deep], since=since, depth=SEARCH_DEPTH)
        if not found and self.shallow:
            found = engine.observer.search(word, self.shallow, since=since, depth=0)
        self._is_known |= bool(found)
        if self._is_known or container.id in self._asked or len(self._asked) >= LESSONS:
            return found
        self._asked.add(container.id)
        deep, shallow = len(self.deep), len(self.shallow)
        self._learn(container, known)
        if len(self.deep) > deep:
            found = engine.observer.search(word, self.deep[deep:], since=since, depth=SEARCH_DEPTH)
        if not found and len(self.shallow) > shallow:
            found = engine.observer.search(word, self.shallow[shallow:], since=since, depth=0)
        return found

    def _learn(self, container: Container, known: list[str]) -> None:
        """Note what lies beside the rootfs, and where the supervisor has files open, else those that `ps` tells."""
        observer = container.engine.observer
        roots = posixpath.dirname(container.rootfs.path)

        def note(path: str) -> bool:
            folder = posixpath.dirname(path)
            if folder in self.shallow or any(
                _is_looked_through(folder, each) for each in (*known, *self.deep)
            ):
                return False
            is_a_root = folder in ("/", roots) or folder.startswith(f"{roots}/rootfs-")
            (self.shallow if is_a_root else self.deep).append(folder)
            return True

        def note_files(files: Iterable[str]) -> bool:
            kinds = ((path, observer.stat(path)) for path in files)
            return any([note(path) for path, status in kinds if status is not None and status.kind == "f"])

        with suppress(GuestError):
            names = [name for name in observer.names(roots) if not ROOT.fullmatch(name)]
            beside = [f"{roots}/{name}" for name in names]
            note_files(beside)
            for path in beside:  # another folder there may be a copy of a rootfs
                if "log" in posixpath.basename(path).lower():
                    note(f"{path}/log")
        if not note_files(self._open_files(container)):
            note_files(self._told(container))

    @staticmethod
    def _open_files(container: Container) -> Iterator[str]:
        """Regular files, and others, that its supervisor and the supervisor's own processes have open."""
        engine = container.engine
        supervisor = engine.supervisor
        if supervisor is None or not engine.supervisor_lives:
            return
        helpers = [
            each.pid
            for each in descendants(engine.observer.processes(), supervisor.pid)
            if len(each.space_pids) < 2
        ]
        for pid in (supervisor.pid, *helpers):
            for _, target in open_files(engine.observer, pid):
                if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/sys/")):
                    yield target

    def _told(self, container: Container) -> Iterator[str]:
        """The paths in what `ps` tells of it."""
        engine = container.engine
        if len(self._asked) > LISTINGS or not engine.supervisor_lives:
            return
        with suppress(AssertionError):  # that it does not answer is another's failure
            told = PATH.findall(engine.ps().entry(container.id))
            for path in [*dict.fromkeys(told)][:PATHS]:
                yield posixpath.normpath(posixpath.join(engine.folder, path))


def _is_looked_through(folder: str, above: str) -> bool:
    """Whether a folder is another one, or at most two below it."""
    way = posixpath.relpath(folder, above)
    return way == "." or (not way.startswith("..") and way.count("/") < SEARCH_DEPTH)
