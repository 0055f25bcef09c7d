"""Every byte a container writes is in its log, whoever is slow, noisy, killed or out of disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor


def test_binary_output_arrives_byte_for_byte(supervisor: Supervisor, machine: Machine) -> None:
    """Five megabytes of anything, NUL bytes too, in the file, from `logs` and from `run`."""
    machine.run("head -c 5000000 /dev/urandom > /srv/a/blob; printf '\\0\\0end' >> /srv/a/blob")
    machine.run(supervisor.line("run", "blob", "/srv/a", "cat", "/blob") + " > /tmp/blob.run")
    machine.run(supervisor.line("logs", "blob") + " > /tmp/blob.logs")
    machine.run(
        f"for f in /tmp/blob.run /tmp/blob.logs {supervisor.state}/logs/blob.log; do cmp $f /srv/a/blob || exit 1; done"
    )


def test_both_streams_in_the_order_they_were_written(supervisor: Supervisor) -> None:
    """A line on standard output, a line on standard error, two hundred times."""
    script = "i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    answer = supervisor.engine("run", "order", "/srv/a", "sh", "-c", script)
    assert answer.stdout.decode().splitlines() == [f"{s} {i}" for i in range(200) for s in ("out", "err")]


def test_killed_in_the_middle_of_a_line(supervisor: Supervisor, machine: Machine) -> None:
    """What was written before the kill is there, up to the last byte of the unfinished line."""
    supervisor.engine("start", "cut", "/srv/a", "sh", "-c", "printf 'whole\\nhalf a li'; exec sleep 1000")
    supervisor.wait(lambda: supervisor.engine("logs", "cut").stdout.endswith(b"li"), "it is written")
    machine.run(f"kill -9 {supervisor.ps('cut')['pid']}")
    assert supervisor.ended("cut")["reason"] == "killed"
    assert supervisor.engine("logs", "cut").stdout == b"whole\nhalf a li"


def test_a_noisy_container_stops_nobody(supervisor: Supervisor, machine: Machine) -> None:
    """While one writes as fast as it can, others run, are listed and are stopped, and its log is a whole."""
    supervisor.engine(
        "start", "noisy", "/srv/a", "sh", "-c", "head -c 30000000 /dev/zero; echo; exec sleep 1000"
    )
    seconds = supervisor.engine("ps").seconds
    assert supervisor.engine("run", "quiet", "/srv/b", "echo here").stdout == b"here\n"
    assert seconds < machine.deadline(5)
    supervisor.wait(
        lambda: machine.run(f"stat -c %s {supervisor.state}/logs/noisy.log").text == "30000001",
        "all is there",
        60,
    )
    supervisor.engine("stop", "noisy")
    machine.run(f"rm {supervisor.state}/logs/noisy.log")


def test_a_reader_that_stops_reading_holds_nobody_up(supervisor: Supervisor, machine: Machine) -> None:
    """A `run` whose output nobody takes does not slow its container down, nor lose a byte of the log."""
    machine.run(
        f"({supervisor.line('run', 'unread', '/srv/a', 'head -c 3000000 /dev/zero')} | sleep 1000) > /dev/null 2>&1 &"
    )
    supervisor.wait(
        lambda: machine.run(f"stat -c %s {supervisor.state}/logs/unread.log", check=False).text == "3000000",
        "it has written all",
    )
    assert supervisor.ended("unread")["exit_code"] == 0
    machine.run("pkill -x sleep")


def test_a_full_disk_is_told_and_blocks_nobody(doomed: Supervisor, machine: Machine) -> None:
    """The log is an exact beginning, the rest is counted, the container goes on to its end."""
    machine.run(f"mount -t tmpfs -o size=100k none {doomed.state}/logs")
    try:
        answer = doomed.engine(
            "run", "full", "/srv/a", "sh", "-c", "yes 0123456 | head -c 400000; exit 6", check=False
        )
        assert answer.exit_status == 6
        kept = len(answer.stdout)
        assert 50_000 < kept < 110_000
        assert answer.stdout == (b"0123456\n" * 50_000)[:kept]
        assert f"{400_000 - kept} bytes could not be written" in answer.error_text
        assert "No space left on device" in doomed.ps("full")["notes"][0]
        assert "No space left on device" in doomed.output
    finally:
        machine.run(f"umount -l {doomed.state}/logs")
