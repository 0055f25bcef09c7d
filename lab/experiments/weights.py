"""What the scheduler's weights predict: how containers share processors."""

from __future__ import annotations

from collections.abc import Sequence

WEIGHTS = (
    *(88761, 71755, 56483, 46273, 36291),  # nice -20 to -16
    *(29154, 23254, 18705, 14949, 11916),  # -15 to -11
    *(9548, 7620, 6100, 4904, 3906),  # -10 to -6
    *(3121, 2501, 1991, 1586, 1277),  # -5 to -1
    *(1024, 820, 655, 526, 423),  # 0 to 4
    *(335, 272, 215, 172, 137),  # 5 to 9
    *(110, 87, 70, 56, 45),  # 10 to 14
    *(36, 29, 23, 18, 15),  # 15 to 19
)
"""sched_prio_to_weight of the kernel's kernel/sched/core.c, from nice -20 to nice 19.

CFS and EEVDF both hand out processor time in proportion to them. A cgroup gets the same weight
from `cpu.weight.nice` (cpu_weight_nice_write_s64, in the same file).
"""


def weight(nice: int) -> int:
    """The weight of a nice value from -20 to 19."""
    if not -20 <= nice <= 19:
        raise ValueError(f"{nice} is no nice value")
    return WEIGHTS[nice + 20]


def predicted(nices: Sequence[int], cpus: int) -> list[float]:
    """The share of each container in the processor time that all get together: 0 to 1 each.

    One task cannot run on two processors at once. So whose weight would earn it more than a
    whole one gets a whole one, and the others divide what is left, by their weights.

    Args:
        nices: their nice values; one busy task each.
        cpus: processors that all of them may use.
    """
    use = [0.0] * len(nices)
    left, open_ = float(cpus), set(range(len(nices)))
    while open_ and left > 0:
        total = sum(weight(nices[each]) for each in open_)
        whole = {each for each in open_ if weight(nices[each]) * left >= total}
        for each in whole or open_:
            use[each] = 1.0 if whole else weight(nices[each]) * left / total
        if not whole:
            break
        left -= len(whole)
        open_ -= whole
    together = sum(use)
    return [each / together for each in use]
