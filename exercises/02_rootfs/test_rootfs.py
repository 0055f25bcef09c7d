"""A root file system of its own, and of nobody else's."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.container import and_said
from grading.api.engine import Engine
from grading.guest.records import Finished

RUNS_WITHIN = 2.0
"""Seconds in which a container that was started would be seen."""


@dataclass(frozen=True)
class Attempt:
    """A `start` that must not come to anything."""

    done: Finished
    ran: bool
    level: int

    @property
    def is_refused(self) -> bool:
        """Whether nothing came of it, and its client ended.

        At level 1 a refusal with status 0 is the business of the checks of failures, and costs nothing here. A client
        that crashed has refused nothing.
        """
        has_ended = not self.done.timed_out and not self.done.crashed
        return not self.ran and has_ended and (self.level == 1 or self.done.refuses)

    def __str__(self) -> str:
        return f"{'it runs; ' * self.ran}status {self.done.ending} {and_said(self.done.text)}"


@dataclass(frozen=True)
class Sharing:
    """What came of asking for what a living container has."""

    same_rootfs: Attempt
    alias: Attempt | None
    """Only at level 2."""
    same_id: Attempt
    first_lives: bool


@scenario(containers=4)
def sharing(engine: Engine) -> Sharing:
    """A living container; others that want its rootfs, in two spellings, or its id."""
    first = engine.start("sleep 600", name="first")

    def attempt(identifier: str, path: str) -> Attempt:
        before = len(first.processes)
        done = engine("start", identifier, path, first.rootfs.probe)
        ran = not done.refuses and bool(wait_until(lambda: len(first.processes) > before, RUNS_WITHIN))
        engine.expect_supervisor()  # one that has ended refuses everything
        return Attempt(done, ran, engine.level)

    same = attempt(engine.new_id("second"), first.rootfs.path)
    alias = None
    if engine.level == 2:
        alias = attempt(
            engine.new_id("third"), f"{first.rootfs.path}/../{posixpath.basename(first.rootfs.path)}/."
        )
    other = engine.new_rootfs()
    taken = engine("start", first.id, other.path, engine.command(other, "sleep 603"))
    taken_ran = not taken.refuses and bool(
        wait_until(lambda: any(other.probe in p.words for p in engine.observer.processes()), RUNS_WITHIN)
    )
    engine.expect_supervisor()  # one that has ended refuses everything
    lives = bool(first.processes)
    engine.stop(first.id)
    return Sharing(same, alias, Attempt(taken, taken_ran, engine.level), lives)


@check(
    "containers", needs=["containers.starts"], hint="Compare with the rootfs of every container that lives."
)
def test_rootfs_is_not_shared(sharing: Sharing) -> None:
    """Two living containers never share a rootfs."""
    expect(sharing.same_rootfs.is_refused, "the second `start` is refused", str(sharing.same_rootfs))
    expect(sharing.first_lives, "the first container lives on", "it is gone")


@check(
    "containers",
    level=2,
    needs=["containers.rootfs_is_not_shared"],
    hint="Compare device and inode, not text.",
)
def test_rootfs_is_not_shared_under_another_name(sharing: Sharing) -> None:
    """A rootfs is the same however its path is written."""
    assert sharing.alias is not None
    expect(sharing.alias.is_refused, "`start` of the same folder by another path is refused", sharing.alias)


@check("containers", needs=["containers.starts"], hint="Look the id up before anything is made.")
def test_id_is_not_shared(sharing: Sharing) -> None:
    """Two living containers never share an id."""
    expect(
        sharing.same_id.is_refused, "`start` with a living container's id is refused", str(sharing.same_id)
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
