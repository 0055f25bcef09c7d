"""Demonstrations 5 and 6: a soft limit warns, a hard limit kills.

One run of /memory_hog serves both: it is watched from its start to its end, and
each demonstration looks at its half.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.demo.facts import MIB, Container, LimitEvent, Unreadable, containers, json_lines, limit_events, one
from lab.demo.model import Condition, Evidence, Figure, Verdict
from lab.demo.stage import FOLDER, HogRun, Stage

NAME, HOG = "gamma", "/memory_hog"
SOFT_MIB, HARD_MIB = 10, 30
CHUNK_MIB, PAUSE_MS = 1, 120
"""The hog takes so much, so often: about half a second a limit's worth on a fast machine, and
slow enough on an emulated one for the monitor's ten looks a second to see each step."""

RUN_SECONDS = 30
"""At most, for the hog's life."""

LIVED_ON = 0.5
"""Seconds that a container must be seen alive after its warning; five looks of the monitor."""


def run_hog(stage: Stage) -> HogRun:
    """Start the hog and watch it, once for both demonstrations."""
    if stage.hog_run is None:
        stage.supervisor()
        root = stage.rootfs(NAME)
        output = f"{FOLDER}/memory.out"
        watch = stage.program("memory", NAME, HOG, RUN_SECONDS)
        stage.look(f"setsid --fork {watch} >{output} 2>&1 </dev/null")
        stage.until(
            "the watch over the hog's memory did not begin", lambda: bool(stage.look(f"cat {output}")), 10
        )
        stage.show(
            f"engine start {NAME} {root} {HOG} {CHUNK_MIB} {PAUSE_MS} "
            f"--soft-mib {SOFT_MIB} --hard-mib {HARD_MIB}"
        )
        started = stage.collected()[-1]
        stage.audience.runs(watch)
        stage.until(
            "the watch over the hog's memory did not end", lambda: '"end"' in stage.look(f"tail -n 1 {output}"),
            RUN_SECONDS + 5,
        )  # fmt: skip
        stage.hog_run = read_run(stage.look(f"cat {output}"), (started,))
    else:
        stage.recall(list(stage.hog_run.evidence))
    return stage.hog_run


def read_run(text: str, evidence: tuple[Evidence, ...] = ()) -> HogRun:
    """What `guest/memory.py` printed."""
    lines = json_lines(text)
    if not lines or "end" not in lines[-1]:
        raise Unreadable(f"the watch over {NAME} broke off")
    birth = next((line for line in lines if "began" in line), None)
    if birth is None:
        raise Unreadable(f"the kernel log does not say that the monitor registered {NAME}")
    words = {
        kind: next((line["t"] for line in lines if f"{kind} LIMIT" in line.get("log", "")), None)
        for kind in ("SOFT", "HARD")
    }
    return HogRun(
        pid=birth["pid"],
        began=birth["began"],
        samples=[(line["t"], line["rss"]) for line in lines if "rss" in line],
        soft_at=words["SOFT"],
        hard_at=words["HARD"],
        ps_after_warning=next((line["ps"] for line in lines if "ps" in line), ""),
        end=lines[-1]["end"],
        ended_at=lines[-1]["t"],
        evidence=evidence,
    )


# --- 5: the soft limit ---


def show_soft_limit(stage: Stage) -> Verdict:
    """One warning, and the container lives on."""
    run = run_hog(stage)
    if run.ps_after_warning:
        stage.add(Evidence("engine ps   # right after the warning", run.ps_after_warning, 0, 0))
    stage.show_kernel_log(f"grep 'container={NAME} ' | grep -v HARD")
    return judge_soft_limit(run, limit_events(stage.kernel_log(), NAME))


def judge_soft_limit(run: HogRun, events: Sequence[LimitEvent]) -> Verdict:
    """Whether there was one true warning, and life after it.

    Args:
        run: the hog's life.
        events: what the monitor said of it in the kernel log.
    """
    soft = [event for event in events if event.kind == "SOFT"]
    limit = SOFT_MIB * MIB
    before = [rss for at, rss in run.samples if run.soft_at is not None and at <= run.soft_at]
    after = [(at, rss) for at, rss in run.samples if run.soft_at is not None and at > run.soft_at]
    lived = after[-1][0] - run.soft_at if after and run.soft_at is not None else 0.0
    grown = max((rss for _, rss in after), default=0) - (before[-1] if before else 0)
    row = next((line.split() for line in run.ps_after_warning.splitlines() if line.split()[:1] == [NAME]), [])
    return Verdict(
        (
            Condition("the kernel log warns of the soft limit exactly once", len(soft) == 1),
            Condition(
                f"the warning names {NAME}, its PID and the limit of {SOFT_MIB} MiB, and a size above it",
                [(event.pid, event.limit) for event in soft] == [(run.pid, limit)] and soft[0].rss > limit,
            ),
            Condition("`ps` right after it says running", row[1:3] == [str(run.pid), "running"]),
            Condition(
                f"{NAME} lived on for at least {LIVED_ON} s and took more memory",
                lived >= LIVED_ON and grown > 0,
            ),
        ),
        f"One warning at {_mib(soft[0].rss if soft else 0)} MiB (limit {SOFT_MIB}); {NAME} lived on for {lived:.1f} s "
        f"and took another {_mib(grown)} MiB.",
        f"warned at {_mib(soft[0].rss if soft else 0)} MiB",
    )


# --- 6: the hard limit ---


def show_hard_limit(stage: Stage) -> tuple[Verdict, tuple[Figure, ...]]:
    """Killed; the kernel log and `ps` tell the same."""
    run = run_hog(stage)
    stage.show_kernel_log(f"grep 'container={NAME} '")
    stage.until(f"`ps` did not say that {NAME} ended", lambda: one(stage.containers(), NAME).ended, 5)
    stage.show(f"engine ps | grep -E '^(ID|{NAME}) '")
    known = containers(stage.look("engine ps --format json"))
    gone = stage.show(f"cat /proc/{run.pid}/status").exit_status != 0
    stage.show(f"engine logs {NAME} | tail -n 3")
    from lab.demo.plots import memory_figure

    return judge_hard_limit(run, limit_events(stage.kernel_log(), NAME), one(known, NAME), gone=gone), (
        memory_figure(run),
    )


def judge_hard_limit(
    run: HogRun, events: Sequence[LimitEvent], container: Container, *, gone: bool
) -> Verdict:
    """Whether it was killed, for the limit, and everybody says so.

    Args:
        run: the hog's life.
        events: what the monitor said of it in the kernel log.
        container: what `ps` says of it at the end.
        gone: whether its process is no more.
    """
    hard = [event for event in events if event.kind == "HARD"]
    soft = [event for event in events if event.kind == "SOFT"]
    limit = HARD_MIB * MIB
    peak = max((rss for _, rss in run.samples), default=0)
    return Verdict(
        (
            Condition("the kernel log tells of the hard limit exactly once", len(hard) == 1),
            Condition(
                f"it names {NAME}, its PID and the limit of {HARD_MIB} MiB, and a size above it",
                [(event.pid, event.limit) for event in hard] == [(run.pid, limit)] and hard[0].rss > limit,
            ),
            Condition(
                "the soft warning came first", bool(soft and hard) and soft[0].position < hard[0].position
            ),
            Condition("the process is gone", run.end == "gone" and gone),
            Condition(
                "`ps` says hard_limit_killed, by signal 9, for the same PID",
                (container.state, container.reason, container.signal, container.pid)
                == ("exited", "hard_limit_killed", 9, run.pid),
            ),
        ),
        f"The monitor saw {_mib(hard[0].rss if hard else 0)} MiB (limit {HARD_MIB}) and killed {NAME}, last seen at "
        f"{_mib(peak)} MiB; `ps` agrees: hard_limit_killed.",
        f"killed at {_mib(hard[0].rss if hard else 0)} MiB",
    )


def _mib(count: int) -> str:
    return f"{count / MIB:.1f}"
