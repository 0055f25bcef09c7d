"""A root file system of its own, and of nobody else's."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.engine import Engine
from grading.guest.observer import Observer
from grading.guest.records import Finished


@dataclass(frozen=True)
class Roots:
    """What one container sees as its root."""

    view: dict[str, bytes]
    there: frozenset[str]
    """Names in the rootfs as the host sees them."""
    inode: int


@scenario
def roots(engine: Engine, observer: Observer) -> Roots:
    """One container with a file in its rootfs that no other has."""
    container = engine.container("root")
    observer.write(f"{container.rootfs.path}/boxwright-marker", container.rootfs.nonce.encode())
    container = engine.start("view NONCE", name="root", rootfs=container.rootfs, running=False)
    view = container.view()
    status = observer.stat(container.rootfs.path)
    assert status is not None
    return Roots(view, frozenset(observer.names(container.rootfs.path)), status.inode)


@check(
    "containers",
    points=2,
    needs=["containers.starts"],
    hint='chroot() or pivot_root() into the folder that was named, then chdir("/").',
)
def test_sees_its_rootfs(roots: Roots) -> None:
    """A container sees the rootfs that was named as its /."""
    expect(roots.view.get("marker"), "the file that only this rootfs has", "it is not there")
    names = frozenset(roots.view.get("root", b"").decode().split()) - {".", ".."}
    ours = frozenset(name for name in roots.there if not name.startswith((".view", "view")))
    expect(ours <= names, "all of its names in /", sorted(ours - names))
    expect("submission" not in names, "nothing of the host's in /", sorted(names - roots.there))


@check(
    "containers", needs=["containers.sees_its_rootfs"], hint="chroot() does not change the working directory."
)
def test_begins_in_its_root(roots: Roots) -> None:
    """Its working directory is inside."""
    where = roots.view.get("cwd", b"").decode()
    expect(where.startswith("/"), "a path inside the rootfs, as /", where or "a folder outside of its root")


@dataclass(frozen=True)
class Sharing:
    """What came of asking for what a living container has."""

    same_rootfs: Finished
    same_rootfs_ran: bool
    alias: Finished
    alias_ran: bool
    same_id: Finished
    same_id_ran: bool
    first_lives: bool


@scenario
def sharing(engine: Engine) -> Sharing:
    """A living container; others that want its rootfs, in two spellings, or its id."""
    first = engine.start("sleep 600", name="first")

    def attempt(identifier: str, path: str) -> tuple[Finished, bool]:
        before = len(first.processes)
        done = engine("start", identifier, path, first.rootfs.probe)
        return done, done.code == 0 and bool(wait_until(lambda: len(first.processes) > before, 0.5))

    same, same_ran = attempt(engine.new_id("second"), first.rootfs.path)
    alias, alias_ran = attempt(engine.new_id("third"), f"{first.rootfs.path}/../{first.rootfs.nonce}/.")
    other = engine.new_rootfs()
    taken = engine("start", first.id, other.path, engine.command(other, "sleep 603"))
    taken_ran = taken.code == 0 and bool(
        wait_until(lambda: any(other.probe in p.words for p in engine.observer.processes()), 0.5)
    )
    lives = bool(first.processes)
    engine.stop(first.id)
    return Sharing(same, same_ran, alias, alias_ran, taken, taken_ran, lives)


@check(
    "containers", needs=["containers.starts"], hint="Compare with the rootfs of every container that lives."
)
def test_rootfs_is_not_shared(sharing: Sharing) -> None:
    """Two living containers never share a rootfs."""
    done = sharing.same_rootfs
    expect(
        done.code != 0 and not sharing.same_rootfs_ran,
        "the second `start` is refused",
        f"status {done.code}: {done.text}",
    )
    expect(sharing.first_lives, "the first container lives on", "it is gone")


@check(
    "containers",
    level=2,
    needs=["containers.rootfs_is_not_shared"],
    hint="Compare device and inode, not text.",
)
def test_rootfs_is_not_shared_under_another_name(sharing: Sharing) -> None:
    """A rootfs is the same however its path is written."""
    done = sharing.alias
    expect(
        done.code != 0 and not sharing.alias_ran,
        "`start` of the same folder by another path is refused",
        f"status {done.code}: {done.text}",
    )


@check("containers", needs=["containers.starts"], hint="Look the id up before anything is made.")
def test_id_is_not_shared(sharing: Sharing) -> None:
    """Two living containers never share an id."""
    done = sharing.same_id
    expect(
        done.code != 0 and not sharing.same_id_ran,
        "`start` with a living container's id is refused",
        f"status {done.code}: {done.text}",
    )
    expect(sharing.first_lives, "the first container lives on", "it is gone")


@scenario
def reused(engine: Engine) -> tuple[Finished, str]:
    """An id used again after its container has ended."""
    first = engine.start("exit 5", name="again", running=False)
    wait_until(
        lambda: engine.ps().ended(first.id),
        10,
        "`ps` tells the first one's end",
        actual=lambda: engine.ps().text,
    )
    other = engine.new_rootfs()
    done = engine("run", first.id, other.path, engine.command(other, "exit 6"))
    return done, engine.ps().entry(first.id)


@check("containers", level=2, needs=["metadata.end_is_told"], hint="The new record replaces the old.")
def test_id_may_be_used_again(reused: tuple[Finished, str]) -> None:
    """An id is free again once its container has ended."""
    done, entry = reused
    expect(done.code == 6, "the second container's exit code, 6", f"{done.code}: {done.error_text}")
    expect("5" not in entry.split(), "one record, the new one", entry)
