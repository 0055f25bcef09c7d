"""It builds, and its module loads: the ground on which all other checks stand.

The starter does all of this, so there are no points for it; who loses it loses what builds on it.
"""

from __future__ import annotations

from grading.api import check, expect, wait_until
from grading.api.container import and_said
from grading.api.engine import Engine
from grading.api.module import DEVICE, Module
from grading.halves import Half
from grading.session import Session


def _is_there(half: Half, name: str) -> None:
    """Where nothing was taken nothing is built: that is known without a guest, and no compiler said a word."""
    expect(
        half.folder, f"sources of an {name}" if name == "engine" else f"sources of a {name}",
        half.reasons[0] if half.reasons else f"no {name} was found",
        hint=f"Nothing was built. The grader could not tell which file is your {name}; a submission.toml says it.",
    )  # fmt: skip


@check(
    "build",
    points=0,
    stage="before",
    hint="Build it yourself in a fresh VM: the compiler's words are the same.",
)
def test_engine_builds(graded: Session) -> None:
    """The engine builds in a fresh VM.

    It is built there from its sources alone; whatever was built elsewhere stays behind.
    """
    _is_there(graded.engine_half, "engine")
    _ = graded.guest
    assert graded.built is not None
    product = graded.built.engine
    expect(product.path, "an executable engine after building", product.words or "no engine was found")


@check(
    "build", points=0, stage="before", half="monitor",
    hint="`make` against the headers of the running kernel; an API that changed is named in the compiler's words.",
)  # fmt: skip
def test_monitor_builds(graded: Session) -> None:
    """The kernel module builds for the running kernel."""
    _is_there(graded.module_half, "monitor")
    _ = graded.guest
    assert graded.built is not None
    product = graded.built.module
    expect(product.path, "a kernel module (.ko) after building", product.words or "no module was found")


@check(
    "build", points=0, stage="before", half="monitor", needs=["build.monitor_builds"],
    hint="`dmesg` after `insmod` says what the kernel had against it.",
)  # fmt: skip
def test_monitor_loads(module: Module) -> None:
    """The module loads and makes its device."""
    expect(module.path, "a module to load", "none was built")
    loading = module.loading
    expect(loading and loading.code == 0, "insmod succeeds", loading and (loading.error_text or loading.code))
    expect(module.loaded, "the kernel lists the module", "it does not")
    status = wait_until(lambda: module.observer.stat(DEVICE), 3)
    expect(
        status and status.kind == "c", f"the character device {DEVICE}", "it is not there",
        why="The module was loaded, and has registered no device of this name: misc_register() does.",
    )  # fmt: skip


@check(
    "build",
    points=0,
    level=2,
    stage="before",
    half="monitor",
    needs=["build.monitor_loads"],
    hint="pr_info, and pr_fmt once.",
)
def test_monitor_says_that_it_is_loaded(module: Module) -> None:
    """The kernel log says that the module was loaded, in the contract's words."""
    line = f"[container_monitor] Module loaded. Device: {DEVICE}"
    found = [each.text for each in module.log.monitor_lines()]
    expect(line in found, f"the line {line!r}", found)


@check(
    "build",
    points=0,
    level=2,
    stage="before",
    half="monitor",
    needs=["build.monitor_loads"],
    hint="miscdevice has a mode.",
)
def test_device_is_roots_alone(module: Module) -> None:
    """Only root can open the device.

    Whoever can register a process can have it killed.
    """
    status = module.observer.stat(DEVICE)
    expect(status and not status.mode & 0o066, "mode 0600", status and f"{status.mode:04o}")
    nobody = module.observer.run("/run/boxwright-tools/probe", "opens", DEVICE, user=65534)
    expect(nobody.text.strip() == "13", "EACCES for another user", nobody.text)


@check("client", points=0, stage="before", needs=["build.engine_builds"], hint="argc < 2.")
def test_usage(idle_engine: Engine) -> None:
    """Without a command the engine prints its usage and fails."""
    done = idle_engine()
    expect(not done.timed_out, "it ends", f"it goes on {and_said(done.said)}")
    expect(done.refuses and not done.crashed, "a status other than 0, and no crash", done.code)
    expect(done.said, "some words about how it is used", "nothing")


@check("client", level=2, stage="before", points=0, needs=["client.usage"], hint="fprintf(stderr, …).")
def test_usage_names_the_commands(idle_engine: Engine) -> None:
    """The usage stands on standard error and names the commands."""
    said = idle_engine().error_text
    missing = [word for word in ("supervisor", "start", "run", "ps", "logs", "stop") if word not in said]
    expect(not missing, "all six commands", f"not there: {', '.join(missing)}")
