"""What holds for all unit tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the host is, nothing about what is tested. And a fixture
# that is shared by the examples of one test is meant to be: where it must not be, the test makes its own.
settings.register_profile(
    "any host",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("any host")
