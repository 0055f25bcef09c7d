"""Every byte that a container writes is in its log, once and in order."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from grading.api import check, expect, look_until, scenario, wait_until
from grading.api.allowance import BEARS
from grading.api.container import Container, await_all_gone, await_logs
from grading.api.engine import Engine
from grading.api.starts import start_several
from grading.api.streams import OUTPUTS, Stream, streams_of
from grading.guest.observer import Observer
from grading.session import Session

ODD = b"first line\n\0after a NUL\r\n\xff\xfe no text \x1b[31m\n\n\nlast line without an end"
"""NUL, carriage return, bytes that are no UTF-8, an escape, empty lines, and no newline at the end."""

PLAIN = b"first line\n\n\n" + b"a long line " * 125 + b"\nlast line\n"
"""Plain text, with empty lines and one of 1,500 bytes."""

LAST_LINE = b"last line without an end"
UNENDED = b"first line\n" + LAST_LINE
FLOOD_MIB = 3

FLOOD_KEPT_SECONDS = 4.0
"""From the end of one that wrote so much until its log is complete."""


@dataclass
class Logs:
    """What was written, and what `logs` gave back."""

    live: bool = False
    paths: tuple[str, ...] = ()
    """Of the paths that `ps` tells of one, those of a file that holds what it wrote."""
    entry: str = ""
    streams: dict[int, Stream] = field(default_factory=dict)
    """Where the outputs of the living one lead, by descriptor."""
    out: bytes = b""
    shown: bytes = b""
    """What `logs` shows of the same."""
    shown_live: bool = False
    """Whether it shows what one has written that goes on."""
    err: bytes = b""
    unended: bytes = b""
    plain: bytes = b""
    torn: bytes = b""
    torn_nonce: str = ""
    odd: bytes = b""
    """Only at level 2, as what stands below."""
    empty: bytes = b""


def files_with(engine: Engine, observer: Observer, entry: str, word: bytes) -> Iterator[str]:
    """The files that an entry of `ps` names and that hold a word."""
    for path in re.findall(r"[\w./-]*/[\w.-]+", entry):
        whole = posixpath.normpath(posixpath.join(engine.folder, path))
        status = observer.stat(whole)
        if status and status.kind == "f" and word in observer.read(whole, most=1 << 16):
            yield whole


@scenario(containers=8)
def logs(engine: Engine, observer: Observer) -> Logs:
    """Small outputs of different kinds."""
    found = Logs()
    first = start_several(engine, {"live": "polite 0 NONCE", "torn": "torn NONCE"}, running=("live", "torn"))
    living, torn = first["live"], first["torn"]
    word, half = f"{living.rootfs.nonce} ready".encode(), f"{torn.rootfs.nonce} torn".encode()
    live, _ = await_logs([(living, word), (torn, half)])
    found.live = word in live
    found.streams = streams_of(living)
    found.shown_live = found.live and word in living.await_shown(word)
    init = torn.init or torn.await_running()
    observer.signal(init.pid, 9, start=init.start)
    probes = {
        "out": "write 1 " + b"to standard output\n".hex(), "err": "write 2 " + b"to standard error\n".hex(),
        "unended": "write 1 " + UNENDED.hex(), "plain": "write 1 " + PLAIN.hex(),
    }  # fmt: skip
    if engine.level == 2:
        probes |= {"odd": "write 1 " + ODD.hex(), "empty": "exit 0"}
    others = start_several(engine, probes)
    words = {
        "out": b"to standard output\n", "err": b"to standard error\n", "unended": LAST_LINE, "plain": PLAIN
    }  # fmt: skip
    kept = await_logs([(others[name], word) for name, word in words.items()])
    found.out, found.err, found.unended, found.plain = kept
    found.shown = others["out"].await_shown(b"to standard output") if found.out else b""
    # Of the living one, unless nothing is written of it yet: that costs one check, and no other.
    told, its_word = (living, word) if found.live else (others["out"], b"to standard output")
    found.entry = engine.ps().entry(told.id)
    found.paths = tuple(files_with(engine, observer, found.entry, its_word))
    torn.await_gone(5)
    found.torn, found.torn_nonce = torn.log(f"{torn.rootfs.nonce} whole\n".encode()), torn.rootfs.nonce
    if engine.level == 2:
        found.odd = others["odd"].await_shown(ODD, 5)
        others["empty"].await_gone(5)
        found.empty = engine.logs(others["empty"].id)
    engine.stop(living.id)
    return found


@check(
    "logs",
    needs=["containers.starts"],
    hint="dup2() of a pipe's end in the child; the supervisor reads the other.",
)
def test_output_is_kept(logs: Logs) -> None:
    """What a container writes to standard output is in its log."""
    expect(b"to standard output" in logs.out, "its line", logs.out)


ALLOWED = {1: ("pipe", "socket", "terminal"), 2: ("pipe",)}
"""By level: what may lie between a container and its supervisor. All of these hold up a writer that is too fast."""


@check(
    "logs",
    points=2,
    needs=["logs.output_is_kept"],
    hint="pipe() before clone(); in the child dup2() of the writing end to 1 and 2. The supervisor reads the other.",
)
def test_outputs_run_through_pipes(logs: Logs, graded: Session) -> None:
    """Standard output and error run through pipes into the supervisor.

    A container that has its log file open itself can cut it, fill the disk, and be slowed down by nobody.
    """
    for number, stream in logs.streams.items():
        if number == 2 and b"to standard error" not in logs.err:
            continue  # what becomes of that, nobody knows: another check's
        expect(
            stream.kind in ALLOWED[graded.level] and stream.is_read,
            f"{OUTPUTS[number]} is a pipe, of which the supervisor has the other end",
            stream,
        )


@check("logs", needs=["logs.output_is_kept"], hint="The client prints what the file holds, and nothing else.")
def test_log_is_shown(logs: Logs) -> None:
    """`logs` shows what a container has written."""
    expect(b"to standard output" in logs.shown, "its line", logs.shown)
    # Where it is not in the log either, `logs` cannot show it, and another check tells that.
    expect(logs.shown_live or not logs.live, "the line of one that goes on", "it is not shown")


@check("logs", needs=["containers.starts"], hint="Both descriptors, 1 and 2.")
def test_errors_are_kept(logs: Logs) -> None:
    """What a container writes to standard error is in its log."""
    expect(b"to standard error" in logs.err, "its line", logs.err)


@check(
    "logs", needs=["logs.output_is_kept"], hint="Write what has come; do not wait for more, or for the end."
)
def test_log_can_be_read_while_it_is_written(logs: Logs) -> None:
    """The log of a running container shows what it has written so far."""
    expect(logs.live, "its line within a moment", "it came not")


@check(
    "logs",
    needs=["logs.output_is_kept"],
    hint="read() at the end of a pipe gives the rest first; a last line need not end.",
)
def test_last_line_without_an_end_is_kept(logs: Logs) -> None:
    """A last line without a newline is not lost."""
    expect(LAST_LINE in logs.unended, repr(LAST_LINE), logs.unended)


@check(
    "logs",
    needs=["logs.output_is_kept"],
    hint="What read() gave is no line: write so many bytes, as they are.",
)
def test_empty_and_long_lines_are_kept(logs: Logs) -> None:
    """Empty lines and long ones are kept as they are."""
    expect(PLAIN in logs.plain, repr(PLAIN), logs.plain)


@check(
    "logs",
    level=2,
    points=2,
    needs=["logs.log_is_shown"],
    hint="Bytes and their number, never strings: a NUL is a byte like others.",
)
def test_bytes_are_unchanged(logs: Logs) -> None:
    """No byte is lost, added or changed: `logs` gives back exactly what was written."""
    expect(logs.odd == ODD, repr(ODD), repr(logs.odd))
    expect(logs.empty == b"", "nothing, where nothing was written", logs.empty)


@check(
    "logs",
    points=2,
    needs=["logs.output_is_kept"],
    hint="Read to the end of the pipe, not to the end of the child.",
)
def test_last_words_survive_a_kill(logs: Logs) -> None:
    """What a container wrote before it was killed is in its log, half a line included."""
    nonce = logs.torn_nonce.encode()
    expect(nonce + b" whole\n" in logs.torn, "its last whole line", logs.torn)
    expect(nonce + b" torn" in logs.torn, "the half line after it", logs.torn)


@check("metadata", level=2, needs=["metadata.running_ones_are_listed"])
def test_log_path(logs: Logs) -> None:
    """`ps` tells where the log is, and it is there."""
    expect(
        logs.paths,
        "the path of the file that holds what the container wrote",
        logs.entry,
    )


@dataclass
class Flood:
    """Three containers that write as fast as they can, and one that writes a line."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    quiet_came: bool = False
    ps_answered: bool = False
    ended: dict[str, bool] = field(default_factory=dict)


# Beside nobody: a timer that interrupts these finds none of the processes it looks for.
@scenario(containers=BEARS)
def flood(engine: Engine) -> Flood:
    """Several MiB by each of three at once."""
    found = Flood()
    noisy = [engine.begin_start(f"flood NONCE {FLOOD_MIB}", name=f"flood{n}") for n in range(3)]
    clients = [each.client for each in noisy if each.client]
    wait_until(lambda: all(client.wait(0) for client in clients) or all(each.processes for each in noisy), 6)
    quiet = engine.start("polite 0 NONCE", name="quiet", again=False)
    word = f"{quiet.rootfs.nonce} ready".encode()
    found.ps_answered = engine("ps", timeout=10).code == 0
    found.quiet_came = word in quiet.await_log(word, 8)
    await_flooded(noisy)
    if not found.quiet_came:  # an engine may write it when the container ends
        engine.stop(quiet.id)
    # At level 1 `logs` may cut what it shows. The quiet one's file is found by what it wrote; the others' have
    # their own ids in its place.
    path = next(iter(quiet.log_files(word)), "") if engine.level == 1 else ""
    seconds = FLOOD_KEPT_SECONDS
    for container in noisy:
        found.ended[container.rootfs.nonce] = not container.processes
        its_path = path.replace(quiet.id, container.id)
        found.outputs[container.rootfs.nonce] = look_until(
            partial(_kept, container, its_path if its_path != path else ""),
            partial(_is_whole, container),
            seconds
            if found.ended[container.rootfs.nonce]
            else 0,  # of one that is held up nothing more comes
        )
        if found.outputs[container.rootfs.nonce] == b"":
            seconds = 0.0  # nor does anything of the others, which wrote as long as this one
    if found.quiet_came:
        engine.stop(quiet.id)
    return found


def _is_whole(container: Container, log: bytes) -> bool:
    """Whether it begins and ends as what the container wrote."""
    lines = _lines(container)
    return lines[0] in log[:4096] and lines[-1] in log[-4096:]


def _kept(container: Container, path: str) -> bytes:
    """What `logs` shows; where that is a part only, what the file holds if there is one."""
    shown = container.engine.logs(container.id, limit=16 << 20)
    if not path or _is_whole(container, shown) or container.engine.observer.stat(path) is None:
        return shown
    return container.engine.observer.read(path)


STILL_SECONDS = 6.0
"""Who writes nothing for so long is held up for good; a slow engine takes something now and then."""

STILL_MOST = 10
"""So many times that long a flood may take."""


def await_flooded(noisy: Sequence[Container]) -> None:
    """Wait until they have ended, or until none of them gets rid of a byte any more."""
    written = -1
    for _ in range(STILL_MOST):
        if await_all_gone(noisy, STILL_SECONDS):
            return
        before, written = written, sum(map(_written, noisy))
        if written == before:
            return


def _written(container: Container) -> int:
    """Bytes that its processes have written so far (proc(5), /proc/pid/io)."""
    told = [container.engine.observer.proc(f"{process.pid}/io") for process in container.processes]
    return sum(int(number) for each in told for number in re.findall(r"^wchar: (\d+)$", each, re.MULTILINE))


def _lines(container: Container) -> list[bytes]:
    """What `probe flood` writes."""
    return flood_lines(container.rootfs.nonce)


@cache
def flood_lines(nonce: str) -> list[bytes]:
    """The same, by nonce: numbered lines until so many MiB are full."""
    lines, length, number = [], 0, 0
    while length < FLOOD_MIB << 20:
        lines.append(f"{nonce} {number} {number:060d}\n".encode())
        length += len(lines[-1])
        number += 1
    return lines


@check(
    "logs",
    points=2,
    needs=["logs.output_is_kept", "logs.outputs_run_through_pipes"],
    hint="A full buffer makes the producer wait; it never drops, and never overwrites.",
)
def test_nothing_is_lost_in_a_flood(flood: Flood) -> None:
    """Of several MiB at full speed, every line is in the log, once and in order."""
    for nonce, output in flood.outputs.items():
        numbers = [int(n) for n in re.findall(rb"^" + nonce.encode() + rb" (\d+) 0", output, re.MULTILINE)]
        expected = len(flood_lines(nonce))
        first_gap = next((at for at, number in enumerate(numbers) if at != number), len(numbers))
        changed = output.count(nonce.encode()) - len(numbers)
        expect(
            numbers == list(range(expected)), f"lines 0 to {expected - 1}",
            f"{len(numbers)} lines as they were written, in order up to {first_gap}, "
            f"in {len(output):,} bytes of {sum(map(len, flood_lines(nonce))):,}"
            + (f", and {changed} with other bytes before or within them" if changed > 0 else ""),
        )  # fmt: skip


@check("logs", level=2, needs=["logs.nothing_is_lost_in_a_flood"])
def test_flood_is_kept_to_the_byte(flood: Flood) -> None:
    """Of several MiB at full speed, every byte is in the log."""
    for nonce, output in flood.outputs.items():
        expected = b"".join(flood_lines(nonce))
        expect(
            output == expected,
            f"{len(expected)} bytes, as they were written",
            f"{len(output)} bytes that differ",
        )


@check(
    "logs",
    needs=["logs.output_is_kept"],
    hint="A file for each container; a piece in the buffer knows whose it is.",
)
def test_logs_are_not_mixed(flood: Flood) -> None:
    """Each log holds what its own container wrote, and nothing of another's."""
    for nonce, output in flood.outputs.items():
        expect(nonce.encode() in output, "lines of its own", output[:200])
        strangers = [other for other in flood.outputs if other != nonce and other.encode() in output]
        expect(not strangers, "only its own lines", strangers)


@check(
    "logs",
    points=2,
    needs=["logs.output_is_kept", "logs.outputs_run_through_pipes"],
    hint="Signal not-full and not-empty, and look again after each wait.",
)
def test_full_buffer_does_not_deadlock(flood: Flood) -> None:
    """Writers faster than the disk are slowed down, and end."""
    for nonce, ended in flood.ended.items():
        expect(ended, f"the container of {nonce} ends", "it still writes, or hangs")


@check("logs", needs=["logs.output_is_kept"], hint="No lock is held while a producer waits for room.")
def test_noisy_one_stops_nobody(flood: Flood, logs: Logs) -> None:
    """While others write at full speed, `ps` answers and a quiet container's line arrives."""
    expect(flood.ps_answered, "`ps` is answered", "it was not")
    # An engine that writes a log at the end of its container does so beside noisy ones as without them.
    expect(flood.quiet_came or not logs.live, "the quiet container's line is in its log", "it is not")


LINES = 3000
NOISE_MIB = 12
"""More than is written while these run, by most engines."""
RUNS = 3
"""An engine that does not wait for the log loses this race now and then."""


@scenario(containers=BEARS)  # for the same reason
def lines_of_run(engine: Engine) -> tuple[bytes, bytes]:
    """What the log of a `run` holds when that has returned, and the last line that its container wrote.

    Of the first such run whose log is not complete, or of the last one. Another writes meanwhile as fast as it
    can: what the buffer holds of a container when that ends has to wait for its turn.
    """
    noisy = engine.start(f"flood NONCE {NOISE_MIB}", name="noise", running=False)
    log = last = b""
    for _ in range(RUNS):
        container, _ = engine.run(f"lines NONCE {LINES}", name="lines")
        last = f"{container.rootfs.nonce} {LINES}\n".encode()
        # The file first: it is looked at sooner than `logs`, which may show a part only.
        paths = container.log_files(f"{container.rootfs.nonce} 1\n".encode()) if engine.level == 1 else []
        kept = [engine.observer.read(path) for path in paths] or [engine.logs(container.id)]
        log = next((each for each in kept if last in each), kept[0])
        if last not in log:
            break
    if noisy.processes:
        engine.stop(noisy.id)
        noisy.kill()  # what goes on would hold up all that follows
    return log, last


@check(
    "logs",
    needs=["control.run_waits", "logs.output_is_kept"],
    hint="Answer `run` after the log's last byte was written.",
)
def test_log_is_complete_when_run_returns(lines_of_run: tuple[bytes, bytes]) -> None:
    """When `run` returns, the log is complete."""
    log, last = lines_of_run
    expect(last in log, f"the last of {LINES} lines", log[-200:])
