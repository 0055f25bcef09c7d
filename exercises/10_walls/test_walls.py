"""Nothing of the host's is left open to a container."""

from __future__ import annotations

from grading.api import check, expect, scenario
from grading.api.engine import Engine


@scenario
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
    needs=["containers.sees_its_rootfs"],
    hint="Close what the child inherited before exec; O_CLOEXEC everywhere.",
)
def test_no_folder_of_the_host_stays_open(escape: dict[str, bytes]) -> None:
    """No descriptor of a folder outside is left open."""
    expect("held" not in escape, "none", escape.get("held"))


@scenario
def inherited(engine: Engine) -> dict[str, str]:
    """The descriptors of a program in a container that was started beside another."""
    first = engine.start("sleep 600", name="beside")
    container = engine.start("view NONCE", name="open", running=False)
    view = container.view()
    engine.stop(first.id)
    return {key: value.decode("utf-8", "replace") for key, value in view.items() if key.startswith("fd.")}


@check(
    "containers",
    level=2,
    needs=["containers.starts"],
    hint="close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) in the child.",
)
def test_no_descriptor_leaks_in(inherited: dict[str, str]) -> None:
    """A container begins with standard input, output and error, and nothing else.

    A leaked descriptor is a way to the supervisor's socket, to other containers' pipes, or to the host's files.
    """
    more = {key: target for key, target in inherited.items() if int(key[3:]) > 2}
    expect(not more, "descriptors 0, 1 and 2", more)
