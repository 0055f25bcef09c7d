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


ALTERNATING = "i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"


def test_both_streams_apart_and_in_their_order(supervisor: Supervisor, machine: Machine) -> None:
    """From `run` and from `logs`, each on the client's own; the file holds both, whole lines here."""
    apart = tuple("".join(f"{name} {i}\n" for i in range(200)).encode() for name in ("out", "err"))
    for answer in (
        supervisor.engine("run", "apart", "/srv/a", "sh", "-c", ALTERNATING),
        supervisor.engine("logs", "--stream", "apart", "apart"),
    ):
        assert (answer.stdout, answer.stderr) == apart
    for stream, whole in zip(("stdout", "stderr"), apart, strict=True):
        answer = supervisor.engine("logs", "--stream", stream, "apart")
        assert (answer.stdout, answer.stderr) == (whole, b"")
    log = machine.run(f"cat {supervisor.state}/logs/apart.log").stdout
    assert supervisor.engine("logs", "apart").stdout == log
    assert sorted(log.splitlines()) == sorted(b"".join(apart).splitlines())


def test_joined_streams_in_the_order_they_were_written(supervisor: Supervisor) -> None:
    """One pipe: a line on standard output, a line on standard error, two hundred times."""
    answer = supervisor.engine("run", "--join-streams", "order", "/srv/a", "sh", "-c", ALTERNATING)
    assert answer.stdout.decode().splitlines() == [f"{s} {i}" for i in range(200) for s in ("out", "err")]
    assert answer.stderr == b"" and supervisor.ps("order")["join_streams"]
    answer = supervisor.engine("logs", "--stream", "stderr", "order", check=False)
    assert (answer.exit_status, answer.stdout) == (125, b"") and "--join-streams" in answer.error_text


def test_the_end_of_a_log_and_what_came_since(supervisor: Supervisor, machine: Machine) -> None:
    """`--tail`, `--since`, `--until` and `--timestamps`, alone and together."""
    script = "echo one; echo uno >&2; sleep 2; echo two; echo three; echo tre >&2"
    supervisor.engine("run", "times", "/srv/a", "sh", "-c", script)

    def logs(*options: str) -> tuple[str, str]:
        answer = supervisor.engine(
            "logs", *(() if "--stream" in options else ("--stream", "apart")), *options, "times"
        )
        return answer.stdout.decode(), answer.stderr.decode()

    assert logs("--tail", "2", "--stream", "stdout") == ("two\nthree\n", "")
    assert logs("-n1", "--stream", "stderr") == ("tre\n", "")
    assert logs("-n", "0") == ("", "") and logs("-n", "all") == logs("-n", "99") == logs()
    stamps = [line.split() for line in logs("-t")[0].splitlines()]
    assert [word for _, word in stamps] == ["one", "two", "three"]
    middle = stamps[1][0]
    assert logs("--since", middle) == ("two\nthree\n", "tre\n")
    assert logs("--until", middle) == ("one\n", "uno\n")
    assert logs("--since", middle, "-n1", "--stream", "stdout") == ("three\n", "")
    assert logs("--since", "1h") == logs() and logs("--since", "2100-01-01") == ("", "")


def test_following(supervisor: Supervisor, machine: Machine) -> None:
    """From before the first byte to the end, which it notices; with `--tail` from there on."""
    program = (
        "trap 'echo bye >&2; exit 4' TERM; until [ -e /go ]; do sleep 0.1; done; echo first; touch /said; "
    )
    supervisor.engine("start", "talk", "/srv/a", "sh", "-c", program + "while :; do sleep 0.1; done")
    follow = supervisor.line("logs", "-f", "--stream", "apart", "talk")
    machine.run(f"({follow} > /tmp/talk.out 2> /tmp/talk.err; echo $? > /tmp/talk.status) > /dev/null 2>&1 &")
    machine.run("touch /srv/a/go")
    supervisor.wait(lambda: machine.run("cat /tmp/talk.out").stdout == b"first\n", "the first word is told")
    late = supervisor.line("logs", "-f", "--stream", "apart", "--tail", "0", "talk")
    machine.run(f"({late} > /tmp/late.out 2> /tmp/late.err; echo $? > /tmp/late.status) > /dev/null 2>&1 &")
    threads = f"ls /proc/{supervisor.pid}/task | wc -l"
    machine.run(f"{follow} > /dev/null & sleep 1; kill $!")  # one that goes away
    supervisor.engine("stop", "talk")
    supervisor.wait(
        lambda: machine.run("cat /tmp/talk.status /tmp/late.status", check=False).text == "0\n0", "both end"
    )
    assert machine.run("cat /tmp/talk.out /tmp/talk.err").stdout == b"first\nbye\n"
    assert machine.run("cat /tmp/late.out /tmp/late.err").stdout == b"bye\n"
    supervisor.wait(lambda: int(machine.run(threads).text) <= 4, "no thread of a follower is left")


def test_followers_that_are_slow_or_gone(supervisor: Supervisor, machine: Machine) -> None:
    """The container writes on, its log is whole, and `--rm` takes it away under a follower that gets all of it."""
    script = "printf x; until [ -e /go2 ]; do sleep 0.1; done; head -c 3000000 /dev/zero"
    supervisor.engine("start", "--rm", "crowd", "/srv/a", "sh", "-c", script)
    first = f"{supervisor.line('logs', '-f', 'crowd')} | (dd bs=1 count=1 of=/tmp/crowd"
    machine.run(
        f"({first}.slow; until [ -e /tmp/crowd.go ]; do sleep 0.1; done; wc -c > /tmp/crowd.count)) "
        f"> /dev/null 2>&1 & ({first}.gone)) > /dev/null 2>&1 &"
    )
    supervisor.wait(lambda: machine.run("cat /tmp/crowd.*", check=False).text == "xx", "both follow")
    machine.run("touch /srv/a/go2")
    supervisor.wait(
        lambda: b"crowd" not in supervisor.engine("ps").stdout, "it has ended, and its record is gone"
    )
    assert not machine.run(f"ls {supervisor.state}/logs | grep crowd", check=False).ok
    machine.run("touch /tmp/crowd.go")
    supervisor.wait(
        lambda: machine.run("cat /tmp/crowd.count", check=False).text == "3000000", "all has come"
    )


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
