"""A root file system of its own, and of nobody else's."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.engine import Engine
from grading.guest.records import Finished


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


@scenario(containers=4)
def sharing(engine: Engine) -> Sharing:
    """A living container; others that want its rootfs, in two spellings, or its id."""
    first = engine.start("sleep 600", name="first")

    def attempt(identifier: str, path: str) -> tuple[Finished, bool]:
        before = len(first.processes)
        done = engine("start", identifier, path, first.rootfs.probe)
        return done, not done.refuses and bool(wait_until(lambda: len(first.processes) > before, 0.5))

    same, same_ran = attempt(engine.new_id("second"), first.rootfs.path)
    alias, alias_ran = attempt(engine.new_id("third"), f"{first.rootfs.path}/../{first.rootfs.nonce}/.")
    other = engine.new_rootfs()
    taken = engine("start", first.id, other.path, engine.command(other, "sleep 603"))
    taken_ran = not taken.refuses and bool(
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
        done.refuses and not sharing.same_rootfs_ran,
        "the second `start` is refused",
        f"status {done.ending}: {done.text}",
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
        done.refuses and not sharing.alias_ran,
        "`start` of the same folder by another path is refused",
        f"status {done.ending}: {done.text}",
    )


@check("containers", needs=["containers.starts"], hint="Look the id up before anything is made.")
def test_id_is_not_shared(sharing: Sharing) -> None:
    """Two living containers never share an id."""
    done = sharing.same_id
    expect(
        done.refuses and not sharing.same_id_ran,
        "`start` with a living container's id is refused",
        f"status {done.ending}: {done.text}",
    )
    expect(sharing.first_lives, "the first container lives on", "it is gone")


@scenario(containers=1)
def escape(engine: Engine) -> dict[str, bytes]:
    """The classic ways out of a chroot, tried from inside."""
    return engine.start("escape NONCE", name="houdini", running=False).view()


@check(
    "containers",
    level=2,
    needs=["containers.sees_its_rootfs"],
    hint='pivot_root(".", ".") and detach the old root: there is then nothing above.',
)
def test_no_way_out_of_the_root(escape: dict[str, bytes]) -> None:
    """A second chroot and `..` do not lead out of the rootfs."""
    expect(
        escape.get("outside") == b"no", "the host's files stay out of reach", "they were reached from inside"
    )


@check(
    "containers",
    level=2,
    needs=["containers.no_way_out_of_the_root"],
    hint="Close what the child inherited before exec; O_CLOEXEC everywhere.",
)
def test_no_folder_of_the_host_stays_open(escape: dict[str, bytes]) -> None:
    """No descriptor of a folder outside is left open."""
    expect("held" not in escape, "none", escape.get("held"))
