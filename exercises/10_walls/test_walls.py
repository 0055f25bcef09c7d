"""Nothing of the host's is left open to a container."""

from __future__ import annotations

from grading.api import check, expect, scenario
from grading.api.engine import Engine


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
