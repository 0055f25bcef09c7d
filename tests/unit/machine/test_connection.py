"""The end of a command over SSH, whenever its last words arrive; paramiko's own channel, fed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from lab.errors import MachineError
from lab.machine.address import SshAddress
from lab.machine.connection import Connection

LOOKS = ["exit_status_ready", "recv_ready", "recv_stderr_ready", "send_ready"]
"""What is asked of a channel while a command runs."""


class FedChannel(paramiko.Channel):
    """A channel to nobody; what a guest would say arrives right after one of the looks at it.

    A real guest says it at any moment: about one command in a thousand met the worst one.

    Args:
        look: after which look.
        arrives: what arrives then.
    """

    def __init__(self, look: str, arrives: Callable[[FedChannel], None]) -> None:
        super().__init__(0)
        ask = getattr(self, look)

        def asked() -> bool:
            answer = bool(ask())
            setattr(self, look, ask)
            arrives(self)
            return answer

        setattr(self, look, asked)

    def exec_command(self, command: str) -> None:
        """Nobody is there to take it."""

    def shutdown_write(self) -> None:
        """Nor the end of its input."""


class FedConnection(Connection):
    """A connection whose next channel is given; it is lost when the channel says so.

    Args:
        channel: the channel.
    """

    def __init__(self, channel: FedChannel) -> None:
        nowhere = SshAddress("127.0.0.1", 0, "root", Path("no-key"), Path("no-hosts"))
        super().__init__(nowhere, scale=lambda seconds: seconds)
        self.given = channel

    def _channel(self, limit: float) -> paramiko.Channel:
        return self.given

    def _transport_alive(self) -> bool:
        return not self.given.closed


def says_all_and_ends(channel: FedChannel) -> None:
    """Both outputs, their end and the status, as an SSH server sends them."""
    channel.in_buffer.feed(b"out")
    channel.in_stderr_buffer.feed(b"err")
    channel._handle_eof(None)
    channel.exit_status = 3
    channel.status_event.set()


def vanishes(channel: FedChannel) -> None:
    """As paramiko tells its channels of the end of their connection."""
    with channel.lock:
        channel._set_closed()


@pytest.mark.parametrize("look", LOOKS)
def test_no_last_word_is_lost(look: str) -> None:
    done = FedConnection(FedChannel(look, says_all_and_ends)).run("x", check=False)
    assert (done.exit_status, done.stdout, done.stderr) == (3, b"out", b"err")


@pytest.mark.parametrize("look", LOOKS)
def test_a_lost_connection_is_no_status_of_the_command(look: str) -> None:
    with pytest.raises(MachineError, match="connection was lost during `x`"):
        FedConnection(FedChannel(look, vanishes)).run("x", check=False)


def test_what_was_cut_short_is_no_output_of_the_command() -> None:
    """The status overtakes output that the server holds, and then the connection went."""

    def half(channel: FedChannel) -> None:
        channel.in_buffer.feed(b"ou")
        channel.exit_status = 3
        channel.status_event.set()
        vanishes(channel)

    with pytest.raises(MachineError, match="connection was lost during `x`"):
        FedConnection(FedChannel("recv_ready", half)).run("x", check=False)


def test_who_holds_the_output_and_goes_on_talking_is_not_waited_for() -> None:
    """A daemon that a command left behind."""

    class Talking(FedChannel):
        def recv_ready(self) -> bool:
            self.in_buffer.feed(b"x")
            return super().recv_ready()

        def recv(self, nbytes: int) -> bytes:
            taken = super().recv(nbytes)
            self.in_buffer.empty()
            return taken

    def ends(channel: FedChannel) -> None:
        channel.exit_status = 0
        channel.status_event.set()

    done = FedConnection(Talking("send_ready", ends)).run("x", timeout=60)
    assert done.ok and done.stdout and done.seconds < 30


def test_a_command_that_ended_before_the_connection_did_has_its_status() -> None:
    """So do those that power a machine off."""

    def both(channel: FedChannel) -> None:
        says_all_and_ends(channel)
        vanishes(channel)

    done = FedConnection(FedChannel("recv_ready", both)).run("x", check=False)
    assert (done.exit_status, done.stdout) == (3, b"out")
