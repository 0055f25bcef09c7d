"""One SSH connection that stays open, and commands over it whose time limits hold.

fabric opens and authenticates; a command then is one channel of that connection.
The limits are ours: a guest that hangs in the middle of a command, of a transfer or
of opening a channel must not take the caller with it.
"""

from __future__ import annotations

import contextlib
import io
import select
import shlex
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import fabric
import paramiko
from paramiko.config import SSHConfig

from lab.errors import CommandFailed, CommandTimeout, LabError, MachineError
from lab.machine import host_key, sudo
from lab.machine.address import SshAddress
from lab.machine.deadline import Deadline
from lab.machine.protocol import CommandResult

CHUNK = 32 * 1024
"""Bytes a read or write of a channel; paramiko's largest packet."""

CONNECT_SECONDS = 60
"""The most until somebody accepts: kernels do that, and a slow machine's is not that slow."""

WATCH_INTERVAL = 0.5
"""Seconds without output after which the machine itself is looked at."""

AFTER_EXIT = 0.5
"""Seconds of silence (of a fast machine) after a command's end, when no more of its output is waited for: a
daemon may hold the pipe open for ever. The status overtakes output that the SSH server still has to send."""

MOST_AFTER_EXIT = 2.0
"""The most that is waited in all, in such seconds: it may hold the pipe and go on talking."""

NO_STATUS = -1
"""paramiko's status of a channel that was closed without one: the command died of a signal, or the server went."""

host_key.quiet_paramiko()


def wait_for_banner(host: str, port: int, *, deadline: Deadline, watch: Callable[[], None]) -> None:
    """Wait until an SSH server greets.

    Args:
        host: address.
        port: TCP port.
        deadline: by when it must have.
        watch: called between attempts; raises when waiting has become pointless.

    Raises:
        MachineError: nobody greeted in time.
    """
    while deadline.left() > 0:
        watch()
        try:
            with socket.create_connection((host, port), timeout=2) as attempt:
                # QEMU accepts for a guest that is not listening yet, and hangs up or stays silent.
                attempt.settimeout(1)
                if attempt.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        select.select([], [], [], 0.02)
    raise MachineError(f"No SSH server answered on {host} port {port} in time")


class Connection:
    """An authenticated connection to one machine.

    Args:
        address: where, and with which keys.
        scale: makes a time limit in seconds fit the machine's speed.
        watch: called while a command is silent; raises `MachineError` when the machine has
            panicked or gone, so that nobody waits for the time limit.
    """

    def __init__(
        self,
        address: SshAddress,
        *,
        scale: Callable[[float], float],
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self._scale = scale
        self._watch = watch
        self._fabric: fabric.Connection | None = None

    def _transport(self) -> paramiko.Transport:
        if self._fabric is None or not self._fabric.is_connected:
            self._fabric = self._open()
        transport: paramiko.Transport | None = self._fabric.transport
        if transport is None:
            raise MachineError(f"The connection to {self.address.host} port {self.address.port} was lost")
        return transport

    def _open(self) -> fabric.Connection:
        connection = fabric.Connection(
            self.address.host,
            user=self.address.user,
            port=self.address.port,
            connect_timeout=min(int(self._scale(20)), CONNECT_SECONDS),
            config=fabric.Config(ssh_config=SSHConfig()),  # the user's ~/.ssh/config is not for guests
            connect_kwargs={
                "key_filename": str(self.address.key),
                "allow_agent": False,
                "look_for_keys": False,
                "banner_timeout": self._scale(20),
                "auth_timeout": self._scale(20),
                "disabled_algorithms": {"kex": host_key.SLOW_KEY_EXCHANGES},
            },
        )
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        connection.client.load_host_keys(str(self.address.known_hosts))
        try:
            connection.open()
        except (OSError, EOFError, paramiko.SSHException) as error:
            connection.close()
            raise _no_login(self.address, error) from error
        return connection

    def _channel(self, limit: float) -> paramiko.Channel:
        """A new channel, and a new connection where there is none; the machine is watched meanwhile.

        paramiko waits for the guest's answer and for nothing else, so it waits in a thread.
        """
        opened: list[paramiko.Channel] = []
        failed: list[Exception] = []

        def work() -> None:
            try:
                opened.append(self._transport().open_session(timeout=limit))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
                failed.append(error)

        opener = threading.Thread(target=work, name="opening a channel", daemon=True)
        opener.start()
        while opener.is_alive():
            opener.join(WATCH_INTERVAL)
            if opener.is_alive():
                self._watch()
        if failed:
            raise failed[0]
        return opened[0]

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes | Iterable[bytes] = b""
    ) -> CommandResult:
        """Run a line of `/bin/sh` as root and wait for its end; as `Machine.run`.

        Args:
            command: as `Machine.run`, as are the next two.
            timeout: seconds on a fast machine.
            check: raise when the status is not 0.
            stdin: bytes, or chunks of them that are asked for as the guest takes them.

        Raises:
            MachineError: besides what `Machine.run` says: the user is not root and sudo refuses.
        """
        result = self._run(sudo.as_root(command, self.address.user), command, timeout, stdin)
        if self.address.user != "root" and sudo.may_have_refused(result):
            probed = self._run(sudo.PROBE, sudo.PROBE, timeout, b"")
            if not probed.ok:
                raise sudo.refusal(self.address, probed)
        if check and not result.ok:
            said = (result.error_text or result.text)[-2000:]
            raise CommandFailed(
                f"`{_short(command)}` ended with status {result.exit_status} in the guest", detail=said
            )
        return result

    def talk(self, command: str, *, timeout: float = 20) -> paramiko.Channel:
        """Start a program as root and leave its standard input and output to the caller, as one stream.

        Args:
            command: a line for `/bin/sh`; it runs until it ends by itself or the stream is closed.
            timeout: seconds on a fast machine until it has been started.

        Raises:
            MachineError: the connection was lost.
        """
        channel = self._channel(self._scale(timeout))
        try:
            channel.settimeout(None)
            channel.exec_command(sudo.as_root(command, self.address.user))
        except (OSError, EOFError, paramiko.SSHException) as error:
            channel.close()
            raise MachineError(
                f"The connection was lost during `{_short(command)}`: {error or 'closed'}"
            ) from error
        return channel

    def _run(self, line: str, command: str, timeout: float, stdin: bytes | Iterable[bytes]) -> CommandResult:
        """Run a line of the user's login shell; `command` is what messages call it."""
        began = time.monotonic()
        limit = self._scale(timeout)
        source = iter([stdin]) if isinstance(stdin, bytes) else iter(stdin)
        channel: paramiko.Channel | None = None
        try:
            channel = self._channel(limit)
            channel.settimeout(limit)
            channel.exec_command(line)
            stdout, stderr = self._exchange(channel, source, command, limit)
            status = channel.recv_exit_status()
        except (OSError, EOFError, paramiko.SSHException) as error:
            if time.monotonic() - began >= limit:
                raise _timeout(command, limit) from error
            self._watch()
            raise MachineError(
                f"The connection was lost during `{_short(command)}`: {error or 'closed'}"
            ) from error
        finally:
            if channel is not None:
                channel.close()
        return CommandResult(command, status, stdout, stderr, time.monotonic() - began)

    def _exchange(
        self, channel: paramiko.Channel, source: Iterator[bytes], command: str, limit: float
    ) -> tuple[bytes, bytes]:
        """Feed standard input and gather both outputs until the command has ended."""
        stdout, stderr = bytearray(), bytearray()
        pending: bytes | memoryview = b""
        feeding = True
        exited_at = quiet_since = 0.0
        looked = time.monotonic()
        deadline = looked + limit
        while True:
            # First whether it has ended, then what it said: all may arrive between the two looks, and in
            # the other order its last words would be taken for silence.
            lost = not self._transport_alive()
            exited = channel.exit_status_ready()
            complete = lost or (exited and (channel.eof_received or channel.closed))
            moved = False
            while channel.recv_ready():
                stdout += channel.recv(CHUNK)
                moved = True
                if not complete:
                    break  # who prints without end does not keep the time limit from being looked at
            while channel.recv_stderr_ready():
                stderr += channel.recv_stderr(CHUNK)
                moved = True
                if not complete:
                    break
            while feeding and channel.send_ready():
                if not pending:
                    chunk = next(source, None)
                    if chunk is None:
                        feeding = False
                        with contextlib.suppress(OSError, EOFError):
                            channel.shutdown_write()
                        break
                    pending = memoryview(chunk)
                    continue
                try:
                    pending = pending[channel.send(bytes(pending[:CHUNK])) :]
                except OSError:
                    feeding = False  # the command has ended without reading all of it
                moved = True
            now = time.monotonic()
            if complete:
                if not channel.eof_received or (lost and channel.exit_status == NO_STATUS):
                    raise EOFError("the guest closed the connection")
                return bytes(stdout), bytes(stderr)
            if exited:
                exited_at = exited_at or now
                quiet_since = now if moved or not quiet_since else quiet_since
                if (
                    now - quiet_since > self._scale(AFTER_EXIT)
                    or now - exited_at > self._scale(MOST_AFTER_EXIT)
                    or now >= deadline
                ):
                    return bytes(stdout), bytes(stderr)
            if now >= deadline:
                raise _timeout(command, limit)
            if moved:
                looked = now
                continue
            if now - looked > WATCH_INTERVAL:
                looked = now
                self._watch()
            # Readable when output arrives, and for ever after its end; the exit status shows only by looking.
            select.select([] if channel.eof_received else [channel.fileno()], [], [], 0.01)

    def _transport_alive(self) -> bool:
        return self._fabric is not None and self._fabric.is_connected

    def put(self, source: Path, destination: str) -> None:
        """Copy a file, or the contents of a folder, as one tar stream; Python's caches stay behind."""
        if not source.exists():
            raise LabError(f"There is nothing to copy at {source}")
        folder, name = (destination, ".") if source.is_dir() else destination.rsplit("/", 1)
        folder = shlex.quote(folder or "/")
        self.run(f"mkdir -p {folder} && tar -x -o -C {folder}", timeout=120, stdin=_tar(source, name))

    def write(self, destination: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file beside its place, then move it there."""
        quoted, new = shlex.quote(destination), shlex.quote(destination + ".new")
        folder = shlex.quote(destination.rsplit("/", 1)[0] or "/")
        self.run(
            f"mkdir -p {folder} && cat > {new} && chmod {mode:o} {new} && mv -f {new} {quoted}",
            timeout=120,
            stdin=content,
        )

    def read(self, path: str) -> bytes:
        """The contents of a file."""
        return self.run(f"cat -- {shlex.quote(path)}", timeout=120).stdout

    def close(self) -> None:
        """Close it; the next command opens it anew."""
        if self._fabric is not None:
            self._fabric.close()
            self._fabric = None


def _no_login(address: SshAddress, error: Exception) -> MachineError:
    """The one sentence about a connection that did not come about."""
    where = f"Cannot log in on {address.host} port {address.port}"
    if isinstance(error, paramiko.BadHostKeyException):
        return MachineError(
            f"{where}: its host key {error.key.fingerprint} is not the pinned {error.expected_key.fingerprint}",
            "Another machine answers there, or it was made anew; then forget it and add it again.",
        )
    if isinstance(error, paramiko.AuthenticationException):
        return MachineError(f"{where} as {address.user!r} with the key {address.key}: {error}")
    return MachineError(f"{where}: {error or type(error).__name__}")


def _tar(source: Path, name: str) -> Iterator[bytes]:
    buffer = io.BytesIO()

    def entry(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "__pycache__" in member.name:
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(source, name, filter=entry)
    buffer.seek(0)
    while chunk := buffer.read(1 << 20):
        yield chunk


def _short(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= 100 else line[:97] + "…"


def _timeout(command: str, limit: float) -> CommandTimeout:
    return CommandTimeout(
        f"`{_short(command)}` did not end within {limit:.0f} s",
        "The guest hangs, or the command waits for something; `lab console` shows the guest.",
    )
