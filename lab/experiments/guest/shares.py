"""Let containers compete for processors, and measure what each gets.

    python3 -m lab.experiments.guest.shares JSON

Prints what `lab.demo.guest.cpu` prints: a heading, then each second a row of seconds since
the beginning and the seconds of processor time of each container since then.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from lab.demo.guest import cpu
from lab.experiments.guest import containers


def main(asked: dict[str, object]) -> None:
    """Start them, let them go together, watch, stop them.

    Args:
        asked: `containers` (each as for `containers.start_command`), `cpus` that all are bound to,
            `seconds` of the watch, `patience` for the engine in seconds.

    Raises:
        containers.Failed: the engine did not start one, or did not stop one.
    """
    wanted, cpus = asked["containers"], asked["cpus"]
    assert isinstance(wanted, list) and isinstance(cpus, list)
    pids: list[int] = []
    try:
        for container in wanted:
            pids.append(containers.start(container, float(str(asked["patience"]))))
            os.kill(pids[-1], signal.SIGSTOP)
        containers.hold(pids, cpus)
        cpu.main(float(str(asked["seconds"])), pids)
    finally:
        containers.stop((str(container["id"]) for container in wanted[: len(pids)]), pids)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except (containers.Failed, FileNotFoundError, ProcessLookupError) as error:
        sys.exit(str(error))
