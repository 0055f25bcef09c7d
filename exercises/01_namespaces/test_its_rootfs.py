"""A container sees the rootfs that was named for it."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario
from grading.api.engine import Engine
from grading.guest.observer import Observer


@dataclass(frozen=True)
class Roots:
    """What one container sees as its root."""

    view: dict[str, bytes]
    there: frozenset[str]
    """Names in the rootfs as the host sees them."""
    inode: int


@scenario(containers=1)
def roots(engine: Engine, observer: Observer) -> Roots:
    """One container with a file in its rootfs that no other has."""
    container = engine.container("root")
    observer.write(f"{container.rootfs.path}/boxwright-marker", container.rootfs.nonce.encode())
    container = engine.start("view NONCE 600", name="root", rootfs=container.rootfs)
    view = container.view()
    container.kill()
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
