"""What the author of a check writes with; the page that teaches it is `grading/README.md`.

from grading.api import check, expect, scenario
"""

from grading.api.checks import check
from grading.api.expectations import expect, look_until, wait_until
from grading.api.scenarios import only_waiting, scenario

__all__ = ["check", "expect", "look_until", "only_waiting", "scenario", "wait_until"]
