"""Clients that nobody answers; looked at last, since it costs the supervisor its life."""

from __future__ import annotations

from grading.api import check, expect
from grading.api.engine import CLIENT_SECONDS
from grading.session import Session


@check(
    "client",
    stage="alone",
    needs=["containers.starts"],
    needs_at_2=["client.unknown_things_fail"],
    hint="connect() fails where nobody listens; so must the client.",
)
def test_client_without_a_supervisor_fails(graded: Session) -> None:
    """Where no supervisor runs, a client says so and fails."""
    graded.renew_supervisor()
    engine = graded.idle_engine()
    asked = [["ps"], ["logs", "nobody"], ["stop", "nobody"]]
    clients = [engine.begin(*words, timeout=CLIENT_SECONDS) for words in asked]
    for words, client in zip(asked, clients, strict=True):
        done = client.wait()
        assert done is not None
        expect(not done.timed_out, f"`engine {' '.join(words)}` ends", "it waits")
        expect(
            done.refuses and not done.crashed,
            f"`engine {' '.join(words)}` ends with a status other than 0, and not by a signal",
            done.code,
        )
        expect(done.said, f"`engine {' '.join(words)}` says something", "nothing")
