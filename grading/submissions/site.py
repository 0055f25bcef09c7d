"""The folder that a submission is unpacked or copied into: nothing that is put here leaves it.

On disk there are only folders and regular files, made here and with plain permissions.
Links are written down first, and become copies of what they name once everything is
there; so no write ever goes through a link, whatever the order of an archive's members.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grading.submissions.limits import Budget

Parts = tuple[str, ...]
"""A path below the site, by its components; the site itself is empty."""

LONGEST_NAME = 200
"""Bytes of one component; file systems take 255, and ours may add a few."""

LONGEST_PATH = 1000
"""Bytes of a whole path below the site."""

MOST_HOPS = 20
"""Links that lead to links."""

UNUSUAL = re.compile(r"""[\s\x00-\x1f\x7f\ud800-\udfff"'`$#:%;|&()<>*?\[\]{}!\\]""")
"""What make, kbuild and shells do not take in a path, and what is no text."""

EXAMPLES = 3


@dataclass
class Notes:
    """What was changed or left out, and why; each reason once, with the first few paths."""

    _paths: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, path: str) -> None:
        """Note one path under a reason, such as `left out, they lead out of the submission`."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        examples = self._paths.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(printable(path))

    def sentences(self) -> tuple[str, ...]:
        """One sentence a reason."""
        said = []
        for reason, examples in self._paths.items():
            more = self._counts[reason] - len(examples)
            said.append(f"{reason}: {', '.join(examples)}{f' and {more} more' if more else ''}")
        return tuple(said)


def printable(path: str) -> str:
    """A path of the submission as it may be shown: no control characters, not longer than a line."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path)
    return shown if len(shown) <= 120 else f"{shown[:80]}…{shown[-39:]}"


@dataclass
class Site:
    """Where one submission is laid down.

    Args:
        root: an empty folder of ours.
        budget: the account of its limits.
    """

    root: Path
    budget: Budget
    notes: Notes = field(default_factory=Notes)
    links: dict[Parts, str] = field(default_factory=dict)

    def parts(self, name: str, base: Parts = ()) -> Parts | None:
        """The place of a member below `base`; None, and a note, where it has none inside."""
        pieces = [piece for piece in name.split("/") if piece not in ("", ".")]
        if ".." in pieces:
            self.notes.add("left out, the path leads out of the submission", name)
            return None
        if name.startswith("/"):
            self.notes.add("taken as relative, the path was absolute", name)
        clean = tuple(as_laid_down(piece) for piece in pieces)
        if clean != tuple(pieces):
            self.notes.add("renamed, because make does not take such names", name)
        whole = base + clean
        if not fits(whole):
            self.notes.add("left out, the name is too long", name)
            return None
        if len(whole) > self.budget.limits.folders:
            self.notes.add("left out, too many folders within folders", name)
            return None
        return whole

    def path(self, parts: Parts) -> Path:
        """The place on this host."""
        return self.root.joinpath(*parts)

    def folder(self, parts: Parts) -> bool:
        """Make a folder, and those above it. False, and a note, where a file is in the way."""
        for count in range(1, len(parts) + 1):
            path = self.path(parts[:count])
            if path.is_dir():
                continue
            if path.exists():
                self.notes.add("left out, a file has the name of its folder", "/".join(parts))
                return False
            self.budget.member()
            path.mkdir(mode=0o755)
        return True

    def file(self, parts: Parts, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        """Write a file from its pieces; one that is too long is left out and noted.

        Raises:
            TooMuch: the submission's limits are reached.
            OSError: this host cannot write it.
        """
        shown = "/".join(parts)
        self.budget.member()
        if not parts or not self.folder(parts[:-1]):
            return
        path = self.path(parts)
        if path.is_dir():
            self.notes.add("left out, a folder has its name", shown)
            return
        if path.exists():
            self.notes.add("there twice, the last one counts", shown)
            path.unlink()
        self.links.pop(parts, None)
        # Not group-writable, no setuid, no device: nothing of a member's mode but the executable bit.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        whole = False
        try:
            with os.fdopen(os.open(path, flags, 0o755 if executable else 0o644), "wb") as out:
                whole = self._fill(out.write, pieces)
        finally:
            if not whole:
                path.unlink(missing_ok=True)
        if not whole:
            self.notes.add(f"left out, longer than {self.budget.limits.file_bytes:,} bytes", shown)

    def _fill(self, write: Callable[[bytes], object], pieces: Iterable[bytes]) -> bool:
        length = 0
        for piece in pieces:
            length += len(piece)
            if length > self.budget.limits.file_bytes:
                return False
            self.budget.keep(len(piece))
            write(piece)
        return True

    def link(self, parts: Parts, target: str) -> None:
        """Write down a symbolic link; `settle_links` decides about it."""
        self.budget.member()
        if parts and not self.path(parts).exists():
            self.links[parts] = target

    def forget(self, parts: Parts) -> None:
        """Remove a file or a folder with all that is in it, and the links below it."""
        path = self.path(parts)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for link in [link for link in self.links if link[: len(parts)] == parts]:
            del self.links[link]

    def settle_links(self) -> None:
        """Turn each link that stays inside into a copy of what it names; leave out the others.

        Raises:
            TooMuch: the copies go beyond the submission's limits.
        """
        for parts, target in sorted(self.links.items()):
            self.budget.in_time()
            shown = f"{'/'.join(parts)} → {target}"
            found = self.resolved(parts)
            if found is None:
                self.notes.add("left out, the link leads out of the submission or nowhere", shown)
            elif parts[: len(found)] == found:
                self.notes.add("left out, the link leads to a folder that it is in", shown)
            else:
                self._copy(found, parts)
        self.links.clear()

    def resolved(self, link: Parts) -> Parts | None:
        """What a written-down link names, in the end; None if that is not inside or not there."""
        pending = [*reversed(_pieces(self.links[link]))]
        if self.links[link].startswith("/"):
            return None
        at, hops = list(link[:-1]), 0
        while pending:
            piece = pending.pop()
            if piece == "..":
                if not at:
                    return None
                at.pop()
                continue
            at.append(piece)
            target = self.links.get(tuple(at))
            if target is not None:
                hops += 1
                if hops > MOST_HOPS or target.startswith("/"):
                    return None
                at.pop()
                pending.extend(reversed(_pieces(target)))
        return tuple(at) if at and fits(tuple(at)) and self.path(tuple(at)).exists() else None

    def _copy(self, found: Parts, to: Parts) -> None:
        source = self.path(found)
        if source.is_file():
            self.file(to, read_pieces(source), executable=os.access(source, os.X_OK))
            return
        # The list is made first: what is copied may lie beside what is being read.
        for path in sorted(source.rglob("*")):
            self.budget.in_time()  # many links may each name many files
            place = to + path.relative_to(source).parts
            if len(place) > self.budget.limits.folders:
                self.notes.add("left out, too many folders within folders", "/".join(place))
            elif path.is_dir():
                self.folder(place)
            else:
                self.file(place, read_pieces(path), executable=os.access(path, os.X_OK))


def as_laid_down(path: str) -> str:
    """A name, or a relative path, as somebody wrote it: as it is called in a site."""
    return UNUSUAL.sub("_", path)


def fits(parts: Parts) -> bool:
    """Whether a path is short enough for a file system, which would raise OSError otherwise."""
    longest = max((len(os.fsencode(piece)) for piece in parts), default=0)
    return longest <= LONGEST_NAME and len(os.fsencode("/".join(parts))) <= LONGEST_PATH


def _pieces(target: str) -> list[str]:
    """The components of a link's target, named as the site names them."""
    return [as_laid_down(piece) for piece in target.split("/") if piece not in ("", ".")]


def read_pieces(path: Path) -> Iterator[bytes]:
    """The content of a regular file, piece by piece; nothing else is opened.

    Raises:
        OSError: it cannot be read, or became something else than a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(f"{path} is no regular file")
        while piece := opened.read(1 << 16):
            yield piece
