"""A class as it might be: 18 submissions, 70 checks, with the faults that real ones have."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from grading.gradebook.amounts import Amount, Manual
from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.marks import Adjustments, LateRule, Scale, mark
from grading.gradebook.matching import Unmatched
from grading.gradebook.roster import Student
from grading.pages.model import Passage, Similar
from grading.verdicts import CheckResult, Part, SubmissionResult

TITLES = {
    "build": (
        "The engine builds from a clean checkout",
        "The module builds against the guest's kernel",
        "The module loads and makes its device",
        "Building leaves no file outside of its folder",
    ),
    "client": (
        "No command at all is answered by the usage",
        "An unknown command is refused with a non-zero status",
        "`ps` without a supervisor says that there is none",
        "An id with `..` is refused and touches nothing",
        "An id of 32 characters is refused",
        "A soft limit above the hard one is refused",
        "A nice value of 20 is refused",
        "Arguments with spaces arrive unchanged",
    ),
    "containers": (
        "Two containers run under one supervisor",
        "Each container is PID 1 of its own namespace",
        "A container sees its own rootfs as /",
        "A container has a /proc of its own",
        "The hostname in a container does not change the host's",
        "The host's mounts stay as they were",
        "There is no way back through a held descriptor",
        "Two containers never share a rootfs",
    ),
    "metadata": (
        "`ps` names id, PID and state of each container",
        "The PID in `ps` is the container's on the host",
        "`ps` tells both limits and the nice value",
        "A container that ended by itself is `exited` with its code",
        "A stopped one is told from one that ended by itself",
        "A kill from outside is told from a stop",
        "A child that is gone at once is not `running` for ever",
    ),
    "logs": (
        "What a container prints is in its log",
        "Standard error is in the log, too",
        "The last line survives a kill",
        "No newline is added to the end",
        "A NUL byte does not cut the log",
        "Ten megabytes arrive complete and in order",
        "A full buffer slows the writer down and stops nobody else",
        "`logs` prints all of it",
        "Two logs are never mixed",
    ),
    "control": (
        "`start` returns before the container ends",
        "`run` waits and ends with the container's code",
        "`run` ends with 128 + the signal",
        "Ctrl-C on `run` stops the container and waits",
        "`stop` sends SIGTERM first",
        "`stop` ends what ignores SIGTERM",
        "`stop` of an unknown id fails with a message",
        "`run` does not hold up the supervisor",
    ),
    "soft": (
        "Over the soft limit there is one warning",
        "The warning is not repeated",
        "The warning is not skipped on a jump over both limits",
        "The container lives on",
        "The memory of children counts",
    ),
    "hard": (
        "Over the hard limit the container is killed",
        "A busy process is killed as an idle one is",
        "`ps` says `hard_limit_killed`",
        "The kernel's log names container and PID",
        "A neighbour under its limit lives on",
        "A process that ended leaves the list",
    ),
    "scheduling": (
        "The nice value reaches the process",
        "Shares on one CPU are as the weights say",
    ),
    "teardown": (
        "SIGTERM ends the supervisor with status 0",
        "No container outlives the supervisor",
        "There is no zombie, also between requests",
        "The socket is gone",
        "Logs are complete after a shutdown",
        "The module unloads and leaves nothing",
        "A second module load works as the first",
    ),
    "robustness": (
        "A silent client stops nobody",
        "A client that sends nonsense is answered or dropped",
        "A hundred requests leak no descriptor",
        "No descriptor leaks into a container",
        "A fork bomb in a container ends with it",
        "A second supervisor refuses to start",
    ),
}

LOG = "".join(f"line {number:03}: beacon 7f3a\n" for number in range(1, 31))
DETAILS = {
    "The last line survives a kill": dict(
        rationale="The container printed 30 lines and was killed in the middle of the next one. What it had written "
        "was in the pipe, and the log thread gave up before it had read the pipe to its end.",
        expected=LOG + "line 031: beac",
        actual=LOG[: LOG.index("line 029")],
        hint="Read until `read` returns 0. The end of the container is not the end of its pipe.",
    ),
    "No newline is added to the end": dict(
        rationale="A log is bytes, not lines: what was printed without a newline has none.",
        expected="alpha\nbeta\ngamma",
        actual="alpha\nbeta\ngamma\n",
        hint="Write what was read, `length` bytes of it, and nothing else.",
    ),
    "A NUL byte does not cut the log": dict(
        rationale="The container printed `before`, a NUL byte and `after`; the log ends at the NUL. "
        "Somewhere the bytes went through a function for strings.",
        expected="before\0after",
        actual="before",
        hint="`fputs` and `%s` end at a NUL; `write` and `fwrite` take a length.",
    ),
    "The host's mounts stay as they were": dict(
        rationale="After a container had mounted its `/proc`, the host's was gone as well: mounts went from the "
        "container's namespace to the host's, because / is shared by default.",
        expected="proc /proc proc rw,nosuid,nodev,noexec,relatime\ntmpfs /run tmpfs rw,nosuid,nodev",
        actual="proc /srv/rootfs-alpha/proc proc rw,relatime\ntmpfs /run tmpfs rw,nosuid,nodev",
        hint="After `unshare(CLONE_NEWNS)`: `mount(NULL, \"/\", NULL, MS_REC | MS_PRIVATE, NULL)`.",
    ),
    "The memory of children counts": dict(
        rationale="A shell in the container started four children of 20 MiB each; the soft limit is 40 MiB. "
        "Only the first process was measured.",
        expected="SOFT LIMIT container=kids-7f3a within 5 s",
        actual="no such line in 12 s",
        hint="Walk over the processes of the container's PID namespace and add up.",
    ),
    "A busy process is killed as an idle one is": dict(
        rationale="The container burns CPU while it allocates. It was never killed, although an idle one was.",
        expected="killed by SIGKILL within 5 s of 64 MiB",
        actual="alive after 20 s with 210 MiB",
        hint="A timer that was set up once and is deferrable does not fire while the CPU is busy. See `mod_timer`.",
    ),
    "The module unloads and leaves nothing": dict(
        rationale="The timer was still armed when the module's memory was freed.",
        expected="rmmod ends with 0 and the kernel says nothing more",
        actual="rmmod ends with 0; 0.6 s later the kernel panicked",
        hint="`timer_shutdown_sync` before `kfree`, and before `device_destroy`.",
        kernel=(
            "[  214.602113] BUG: unable to handle page fault for address: ffffffffc0a3e0c0",
            "[  214.602340] #PF: supervisor instruction fetch in kernel mode",
            "[  214.602571] #PF: error_code(0x0010) - not-present page",
            "[  214.602803] Oops: Oops: 0010 [#1] PREEMPT SMP NOPTI",
            "[  214.603011] CPU: 1 UID: 0 PID: 0 Comm: swapper/1 Tainted: G           OE      6.12.48+deb13-amd64",
            "[  214.603544] RIP: 0010:0xffffffffc0a3e0c0",
            "[  214.605120] Kernel panic - not syncing: Fatal exception in interrupt",
        ),
    ),
    "There is no zombie, also between requests": dict(
        rationale="Three containers had ended by themselves. Three seconds later they were still in the process table; "
        "they went when the next client called.",
        expected="no process in state Z",
        actual="  PID  PPID STAT COMMAND\n 1412  1399 Z    alpha\n 1413  1399 Z    beta\n 1414  1399 Z    gamma",
        hint="Wait for SIGCHLD (`signalfd`) or for a pidfd in the same `poll` as the socket.",
    ),
    "A silent client stops nobody": dict(
        rationale="A client connected and said nothing. While it stayed, `ps` was not answered.",
        expected="`ps` answers within 2 s",
        actual="no answer in 20 s",
        hint="`accept` and `read` in one thread serve one client at a time: set a time limit or use `poll`.",
    ),
}  # fmt: skip
PARENTS = {
    "soft": "The module loads and makes its device",
    "hard": "The module loads and makes its device",
    "logs": "What a container prints is in its log",
}
HIDDEN = {
    "A NUL byte does not cut the log",
    "The memory of children counts",
    "No descriptor leaks into a container",
}
NAMES = (
    *("ada-lovelace", "alan-turing", "barbara-liskov", "brian-kernighan", "dennis-ritchie", "edsger-dijkstra"),
    *("frances-allen", "grace-hopper", "jean-bartik", "john-backus", "ken-thompson", "leslie-lamport"),
    *("margaret-hamilton", "niklaus-wirth", "radia-perlman", "shafi-goldwasser", "Team 7 (final v2)", "tony-hoare"),
)  # fmt: skip
SOURCE = """static int producer(struct buffer *ring, int fd)
{
        char chunk[4096];
        ssize_t length;

        while ((length = read(fd, chunk, sizeof(chunk))) > 0) {
                pthread_mutex_lock(&ring->lock);
                while (ring->used == CAPACITY)
                        pthread_cond_wait(&ring->not_full, &ring->lock);
                put(ring, chunk, length);
                pthread_cond_signal(&ring->not_empty);
                pthread_mutex_unlock(&ring->lock);
        }
        return length;
}
"""


def _checks(skill: float, luck: random.Random) -> tuple[CheckResult, ...]:
    broken_module = skill < 0.45 and luck.random() < 0.7
    found = []
    for group, titles in TITLES.items():
        for number, title in enumerate(titles, 1):
            worth = 1.0 + (number % 3 == 0)
            check = CheckResult(
                id=f"{group}.{'_'.join(title.lower().replace('`', '').split()[:5])}",
                group=group,
                level=1 + (number % 5 == 0),
                verdict="passed",
                points=worth,
                max_points=worth,
                title=title,
                rationale="The contract asks for it.",
                hidden=title in HIDDEN,
                seconds=luck.uniform(0.1, 2.0),
            )
            hard = 0.75 if title in DETAILS else 0.22
            if group in ("soft", "hard") and broken_module:
                check = replace(check, verdict="skipped", points=0, parent=_id("build", PARENTS[group]))
            elif luck.random() < hard * (1.15 - skill) or (title == PARENTS["soft"] and broken_module):
                told = DETAILS.get(title, dict(expected="status 0", actual="status 1"))
                check = replace(check, verdict="failed", points=0, **told)  # type: ignore[arg-type]
            found.append(check)
    return tuple(found)


def _id(group: str, title: str) -> str:
    return f"{group}.{'_'.join(title.lower().replace('`', '').split()[:5])}"


def _undecided(check: CheckResult) -> CheckResult:
    said = "The machine did not answer within 120 s, twice."
    return replace(check, verdict="error", points=0, expected="", actual="", rationale=said)


def results() -> list[SubmissionResult]:
    """The same in every run."""
    luck = random.Random(7)
    found = []
    for number, name in enumerate(NAMES):
        skill = (
            1.1,
            0.9,
            0.6,
            0.5,
            0.85,
            0.3,
            -0.4,
            0.95,
            0.1,
            0.78,
            -0.2,
            1.0,
            0.7,
            0.4,
            0.55,
            -0.9,
            0.2,
            0.88,
        )[number]
        found.append(
            SubmissionResult(
                submission=name,
                checks=_checks(skill, luck),
                engine=Part(
                    True,
                    "src/engine",
                    "make",
                    (
                        "`boilerplate/` holds the untouched starter and was left alone.",
                        "`src/engine` has a Makefile with the target `engine`.",
                    ),
                ),
                monitor=Part(True, "src/module", "make module", ("The only folder with a kernel module.",)),
                level=2,
                image="6f0f2b7c9d1e4a55b1c04e6a2f3d9b7780c1",
                kernel="6.12.48+deb13-amd64",
                checks_hash="a94f1c2e77d03b6658e1d0c94b2a6f5513ce7d02a94f1c2e77d03b6658e1d0c9",
                seed="beacon-7f3a",
                started=f"2026-11-23T18:{10 + 2 * number:02}:07+00:00",
                seconds=31 + 40 * luck.random(),
            )
        )  # fmt: skip
    found[8] = replace(
        found[8], checks=(), engine=Part(False), monitor=Part(False), seconds=0.2,
        problem="The archive `jean-bartik.zip` is broken: its directory ends in the middle",
    )  # fmt: skip
    said = "boxwright.toml says that the student is 'ada'; by the roster it is 'fran', by whose numbers it was judged."
    found[NAMES.index("frances-allen")] = replace(found[NAMES.index("frances-allen")], notes=(said,))
    late = found[12].checks
    found[12] = replace(
        found[12],
        checks=(
            *late[:-2],
            *map(_undecided, late[-2:]),
        ),
    )  # fmt: skip
    found[15] = replace(
        found[15], monitor=Part(True, "", "reference", ("`--monitor reference` was given: ours stands in.",))
    )
    return found


def ledger() -> Ledger:
    """Whose the submissions are, and what an instructor decided."""
    late = LateRule(Amount(Decimal(5), percent=True))
    decided = {
        "alan-turing": Adjustments(
            points={"report": Manual(Decimal("8.5"), Decimal(10))},
            remark="A clear report. Why one lock, though?",
        ),
        "frances-allen": Adjustments(points={"06.softirq": Manual(Decimal(2), Decimal(3))}),
        "grace-hopper": Adjustments(late_days=2, points={"report": Manual(Decimal(9), Decimal(10))}),
        "tony-hoare": Adjustments(excused=True, remark="Ill in that week."),
    }
    graded = results()
    scale = Scale.of(graded, decided.values())
    rows = []
    for result in graded:
        set_ = decided.get(result.submission, Adjustments())
        student = Student(name=result.submission.replace("-", " ").title())
        rows.append(Row(result.submission, (student,), None, set_, mark(result, set_, late, scale)))
    nobody = Unmatched("Team 7 (final v2)", "No student of the roster has this folder, name, mail or id.")
    return Ledger(
        tuple(rows),
        (Student(name="Ada Lovelace"),),
        (nobody,),
        (Student(name="Charles Babbage"),),
        late,
        scale,
    )


def similar() -> list[Similar]:
    """Two pairs, one of them with passages."""
    here = Passage("src/engine/buffer.c", 41, 55, SOURCE)
    there = Passage("engine/ring.c", 112, 126, SOURCE.replace("ring", "q").replace("chunk", "tmp"))
    return [
        Similar("dennis-ritchie", "ken-thompson", 0.83, ((here, there), (there, here))),
        Similar("radia-perlman", "Team 7 (final v2)", 0.41),
    ]
