"""End the containers of a measurement that broke off: through the engine, and what it leaves, by SIGKILL.

    python3 -m lab.experiments.guest.ending <asked.json

Takes what the measuring program was given. An engine that is not finished may leave its
containers behind when its supervisor ends, so they are ended before and looked for after.
"""

from __future__ import annotations

import contextlib
import json
import sys

from lab.experiments.guest import containers


def main(asked: dict[str, object]) -> None:
    """End them.

    Args:
        asked: as for the measuring programs: `containers`, or one `container`.
    """
    several = asked.get("containers", [asked.get("container")])
    assert isinstance(several, list)
    for container in several:
        while pid := containers.find(container["argv"]):
            with contextlib.suppress(containers.Failed):
                containers.stop([str(container["id"])], [pid])


if __name__ == "__main__":
    main(json.load(sys.stdin))
