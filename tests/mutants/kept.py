"""The guest that is kept from one mutant to the next, with everything built once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import posixpath
import tempfile
from collections.abc import Sequence
from pathlib import Path

from implementations import Building, Implementation, Part

from grading.guest import delivery
from grading.guest.cleaning import LEFT, cleaned
from grading.guest.delivery import TREE
from grading.guest.tools import Tools
from grading.guest.vm import Guest, fresh_guest, remove_guest
from grading.halves import Built, Half
from grading.session import Session
from lab import console, paths
from lab.errors import LabError

KEPT = "/kept"
"""The implementation, unpatched and built; what a mutant does not change is taken from here."""

BUILT_SECONDS = 20
BUILT_MOST = 32 << 20
"""Bytes of all that was built, at most; the observer gives no more of a file at once."""


class KeptGuest:
    """Hands out one guest again and again, cleaned in between; and a fresh one where it cannot be cleaned.

    Args:
        name: of its machine.
        tools: what graded guests have.
        implementation: what is built in it.
    """

    def __init__(self, name: str, tools: Tools, implementation: Implementation) -> None:
        self._name = name
        self._tools = tools
        self._implementation = implementation
        self._guest: Guest | None = None
        self._leases = 0
        self.made = 0
        """How many guests there were so far."""

    def lease(self) -> Guest:
        """A guest in which nothing of another mutant is left."""
        self._leases += 1
        if self._guest is not None and not cleaned(self._guest, (*LEFT, TREE), str(self._leases)):
            self.close()
        if self._guest is None:
            with console.progress(quiet=True) as progress:
                self._guest = fresh_guest(self._name, self._tools, progress)
            self.made += 1
            self._build(self._guest)
        return self._guest

    def close(self) -> None:
        """Take it away."""
        if self._guest is not None:
            with contextlib.suppress(LabError, OSError):  # it may be lost
                self._guest.close()
            self._guest = None
        remove_guest(self._name)

    def _build(self, guest: Guest) -> None:
        """Everything unpatched, with what compilers leave beside the sources: a patched file alone is compiled anew."""
        made_of, observer = self._implementation, guest.observer
        how = f"{guest.kernel} {made_of.engine} {made_of.monitor}"
        before = _on_this_host(how, made_of, ("engine", "monitor"), {}).with_suffix(".tar")
        tar = f"{KEPT}.tar"
        if before.exists():
            observer.write(tar, before.read_bytes())
            done = observer.run("tar", "-xf", tar, "-C", "/", timeout=BUILT_SECONDS)
            if done.code:
                raise LabError(f"The kept guest could not unpack {before}", detail=done.error_text)
        else:
            with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
                made_of.copy(Path(folder))
                delivery.deliver(observer, Path(folder), TREE)
            for half in (made_of.engine, made_of.monitor):
                built = _compiled(guest, half)
                if half.attempts and not built.path:
                    raise LabError(
                        f"{half.product} of the implementation {made_of.name} does not build",
                        detail=built.words,
                    )
                if half.once:
                    observer.run(*half.once, folder=posixpath.join(TREE, half.folder))
            done = observer.run("tar", "-cf", tar, "-C", "/", TREE.strip("/"), timeout=BUILT_SECONDS)
            status = observer.stat(tar)
            if done.code == 0 and status is not None and status.size <= BUILT_MOST:
                _keep(before, observer.read(tar, most=BUILT_MOST))
        observer.run("rm", "-f", tar)
        observer.run("mv", TREE, KEPT)


def product_of(
    guest: Guest, implementation: Implementation, name: Part, changed: dict[str, bytes]
) -> delivery.Product:
    """Build one half, whose sources lie in `TREE`; what was built of equal sources before is taken instead.

    Args:
        guest: where it is built.
        implementation: whose half it is.
        name: which half.
        changed: content of the files that are not as the implementation has them.
    """
    building = implementation.engine if name == "engine" else implementation.monitor
    path = posixpath.join(TREE, building.product)
    if not building.attempts:
        return delivery.Product(path, "as it is", ())
    before = _on_this_host(f"{guest.kernel} {building}", implementation, (name,), changed)
    if before.exists():
        guest.observer.write(path, before.read_bytes(), mode=0o755)
        return delivery.Product(path, "built before", ())
    guest.observer.run("rm", "-f", path)
    product = _compiled(guest, building)
    if product.path:
        _keep(before, guest.observer.read(path))
    return product


def _compiled(guest: Guest, building: Building) -> delivery.Product:
    path = posixpath.join(TREE, building.product)
    attempts = [
        dataclasses.replace(each, folder=posixpath.normpath(posixpath.join(TREE, each.folder)))
        for each in building.attempts
    ]
    return delivery.build(guest.observer, attempts, lambda: path if guest.observer.stat(path) else "")


def _on_this_host(
    how: str, implementation: Implementation, parts: Sequence[Part], changed: dict[str, bytes]
) -> Path:
    """Where what was built of equal sources is kept: to compile a module takes longest of all."""
    digest = hashlib.sha256(f"{how} {' '.join(parts)}".encode())
    with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
        top = Path(folder)
        implementation.copy(top)
        for file, content in changed.items():
            (top / file).write_bytes(content)
        for each in sorted(path for path in top.rglob("*") if path.is_file()):
            relative = each.relative_to(top).as_posix()
            if implementation.half_of([relative]).intersection(parts):
                digest.update(relative.encode() + b"\0" + each.read_bytes())
    products = paths.cache() / "grading" / "mutants"
    products.mkdir(parents=True, exist_ok=True, mode=0o700)
    return products / digest.hexdigest()[:32]


def _keep(path: Path, content: bytes) -> None:
    new = path.with_suffix(f".{os.getpid()}")
    new.write_bytes(content)
    new.rename(path)


class MutantSession(Session):
    """The session of one mutant in the kept guest: only the half that it changes is delivered and built anew."""

    implementation: Implementation
    changed: dict[str, bytes]
    """The files that the patch has changed, by their path within the implementation."""

    @classmethod
    def of(
        cls,
        kept: KeptGuest,
        tools: Tools,
        implementation: Implementation,
        changed: dict[str, bytes],
        seed: str,
    ) -> MutantSession:
        """The session of a mutant.

        Args:
            kept: the guest.
            tools: what graded guests have.
            implementation: what was patched.
            changed: content of each changed file.
            seed: names of containers, which must not come again while logs of the last mutant are there.
        """
        half = Half("submission", TREE)
        session = cls(
            open_guest=kept.lease, tools=tools, tree=None, left_behind=frozenset(),
            engine_half=half, module_half=half, level=2, seed=seed,
        )  # fmt: skip
        session.implementation = implementation
        session.changed = changed
        return session

    def _prepare(self, guest: Guest) -> None:
        observer = guest.observer
        done = observer.run("cp", "-a", KEPT, TREE)
        if done.code:
            raise LabError("The kept guest could not copy what it keeps", detail=done.error_text)
        for name, content in self.changed.items():
            path = posixpath.join(TREE, name)
            status = observer.stat(path)
            observer.write(path, content, mode=status.mode & 0o777 if status else 0o644)
        changed = self.implementation.half_of(list(self.changed))
        self.built = Built(self._half(guest, "engine", changed), self._half(guest, "monitor", changed))

    def _half(self, guest: Guest, name: Part, changed: frozenset[Part]) -> delivery.Product:
        if name in changed:
            return product_of(guest, self.implementation, name, self.changed)
        half = self.implementation.engine if name == "engine" else self.implementation.monitor
        return delivery.Product(posixpath.join(TREE, half.product), "kept", ())
