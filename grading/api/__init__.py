"""What the author of a check writes with; the page that teaches it is `grading/README.md`.

from grading.api import check, expect, scenario
"""

from grading.api.checks import check
from grading.api.expectations import expect, look_until, wait_until
from grading.api.scenarios import scenario

__all__ = ["check", "expect", "look_until", "scenario", "wait_until"]
