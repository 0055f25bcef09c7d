"""What a kernel's complaint says of whose doing it is."""

from __future__ import annotations

import pytest

from grading.guest.kernel_watch import Trouble

REGISTERING = "[  206.892949] [container_monitor] Registering container=reuse-0-429 pid=429"


@pytest.mark.parametrize(
    ("lines", "fatal", "unexplained"),
    [
        (("panic", REGISTERING), True, True),
        (("the machine is gone",), True, True),
        (("panic", REGISTERING, "[  207.1] BUG: unable to handle page fault for address: 0000"), True, False),
        (("panic", "[  207.1] Kernel panic - not syncing: Fatal exception"), True, False),
        ((REGISTERING,), False, False),
    ],
)
def test_a_machine_that_is_gone_without_a_word_may_not_be_the_submissions_doing(
    lines: tuple[str, ...], fatal: bool, unexplained: bool
) -> None:
    assert Trouble(lines, fatal).is_unexplained is unexplained
