"""What must be there before the first submission is graded: image, observer, warm state; made once, not by each."""

from __future__ import annotations

from grading.run.catalogue import all_checks
from grading.run.content import checks_hash
from grading.run.single import Ground
from lab.console import Progress
from lab.errors import LabError

LIMIT_SECONDS = 150.0
"""For a whole submission on a fast machine: several times what one takes, and scaled like every time limit."""


def prepare(progress: Progress, suite: str | None = None) -> Ground:
    """Make what is missing of image, observer and warm state, and read the checks.

    Args:
        progress: told what is done.
        suite: the guest's release; None for the default one.

    Raises:
        LabError: something cannot be built, or there are no checks.
    """
    from grading.guest.tools import tools
    from lab.image.golden import golden_image
    from lab.lifecycle import warm_state
    from lab.machine.acceleration import acceleration
    from lab.machine.qemu_command import Hardware

    ground = without_machine()
    image = golden_image(suite, progress=progress)
    accelerator = acceleration(image.boot.kernel, image.boot.initrd, progress).accelerator
    kit = tools(progress, suite)
    hardware = Hardware(read_only_disk=str(kit.disk))
    template = warm_state(image.folder / "warm", image.boot, hardware, accelerator, progress)
    return Ground(
        checks=ground.checks,
        checks_hash=ground.checks_hash,
        image=f"{image.base.name}/{image.folder.name}",
        kernel=image.base.kernel_release,
        limit=LIMIT_SECONDS * template.slowness,
    )


def without_machine() -> Ground:
    """The checks alone: what can be known where no VM of ours is used.

    Raises:
        LabError: there are no checks, or they cannot be read.
    """
    checks = all_checks()
    if not checks:
        raise LabError("This checkout holds no checks", "They lie in exercises/*/test_*.py.")
    return Ground(checks, checks_hash(), image="")
