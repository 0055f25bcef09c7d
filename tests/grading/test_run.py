"""`grade run` and `grade replay` from end to end: hostile submissions cost only themselves.

Some do it while they are built, which is the first moment at which anything of theirs runs; others while they run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.machine.record import machine_names

pytestmark = [pytest.mark.vm, pytest.mark.slow]

ENGINE = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* supervisor start run ps logs stop, over AF_UNIX */
int main(int count, char **words)
{
    const char *known[] = {"supervisor", "start", "run", "ps", "logs", "stop"};
    for (int at = 0; count > 1 && at < 6; at++)
        if (!strcmp(words[1], known[at]))
            return 0;
    fprintf(stderr, "usage: engine supervisor|start|run|ps|logs|stop (pid %d)\n", getpid());
    return 1;
}
"""

FORGED = json.dumps(
    {
        "id": "build.engine_builds", "group": "build", "level": 1, "verdict": "passed", "points": 1000,
        "max_points": 1000, "kernel": [],
    }
)  # fmt: skip

ACTS = {
    "bomb": "@-ulimit -u 400; bomb() { bomb & bomb & }; bomb; wait; false",
    "filler": "@-i=0; while fallocate -l 64M /fill$$i; do i=$$((i+1)); done; false",
    "forger": f"@-for to in /dev/stdout /dev/stderr /dev/console /dev/kmsg; do echo '{FORGED}' > $$to; done; false",
    "panic": "@-echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 5; false",
    "shooter": "@-pkill -9 sshd; sleep 5; false",
    "talker": "@-yes 'passed' | head -c 30000000; false",
}
"""What `make` does in each; none of them builds anything."""

HIDER = r"""
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int count, char **words)
{
    const char *known[] = {"supervisor", "start", "run", "ps", "logs", "stop"}; /* over AF_UNIX */
    /* Each leaves two behind that look like the kernel's, hear no
     * signal, and have the caller's descriptors. */
    if (!fork()) {
        setsid();
        for (int signal_number = 1; signal_number < 65; signal_number++)
            signal(signal_number, SIG_IGN);
        fork();
        prctl(PR_SET_NAME, "kworker/0:1");
        for (int at = 0; at < count; at++)
            memset(words[at], 0, strlen(words[at]));
        for (;;)
            pause();
    }
    return count < 2 && known[0];
}
"""
FLOOD = r"""
#include <string.h>
#include <unistd.h>
int main(void)
{
    const char *known[] = {"supervisor", "start", "run", "ps", "logs", "stop"}; /* over AF_UNIX: 10 GB of each */
    static char passed[1 << 20];
    memset(passed, 'p', sizeof(passed));
    for (long left = 10L << 30, done; left > 0 && (done = write(1 + (left >> 20) % 2, passed, sizeof(passed))) > 0;)
        left -= done;
    return known[0] != 0;
}
"""
PANICS_ON_LOAD = r"""
#include <linux/module.h>
#include <linux/panic.h>
/* register unregister container_monitor */
static int __init begin(void) { panic("our own fault"); return 0; }
static void __exit end(void) { }
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"""
MAKEFILE = """obj-m += monitor.o
all: engine
\t$(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(CURDIR) modules
engine: engine.c
\tgcc -o engine engine.c
"""
CHECKS = ("build.engine_builds", "build.monitor_loads", "client.usage", "containers.starts")
SECOND = Path(__file__).resolve().parents[1] / "implementations" / "c"
"""An engine and a monitor that are right."""


def hand_in(folder: Path, name: str, act: str = "") -> Path:
    submission = folder / name
    submission.mkdir(parents=True)
    (submission / "engine.c").write_text(ENGINE if not act else f"{ENGINE}\n#error {name}\n")
    (submission / "Makefile").write_text(f"engine: engine.c\n\t{act or 'gcc -o engine engine.c'}\n")
    return submission


PIDS: list[int] = []
"""Of all `grade` commands so far: their machines are called after them."""


def grade(*words: str | Path, stdin: str = "", seconds: float = 3000) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from grading.__main__ import main; main()", *map(str, words)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        PIDS.append(process.pid)
        said, complained = process.communicate(stdin, timeout=seconds)
    return subprocess.CompletedProcess(program, process.returncode, said, complained)


def machines() -> list[str]:
    return [name for name in machine_names() if name.startswith(tuple(f"grade-{pid}-" for pid in PIDS))]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A class that is as bad as it can be, with somebody honest as the last one; the results' folder and results."""
    folder = tmp_path_factory.mktemp("class")
    results = tmp_path_factory.mktemp("results")
    for name, act in ACTS.items():
        hand_in(folder, name, act)
    (folder / "empty").mkdir()
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    (folder / "essay").mkdir()
    (folder / "essay" / "README.md").write_text("We did not come to write any code.\n")
    hand_in(folder, "zoe")
    done = grade("run", folder, "--jobs", "1", "--only", "build.engine_builds", "--json", "-o", results)
    assert done.returncode == 0, done.stderr
    return results, {result["submission"]: result for result in json.loads(done.stdout)}


def test_every_one_of_them_has_its_verdict(graded: tuple[Path, dict[str, Any]]) -> None:
    _, found = graded
    assert sorted(found) == sorted([*ACTS, "broken", "empty", "essay", "zoe"])
    verdicts = {name: [check["verdict"] for check in result["checks"]] for name, result in found.items()}
    assert verdicts == {**{name: ["failed"] for name in verdicts}, "zoe": ["passed"]}


def test_what_there_is_nothing_to_grade_of_says_why(graded: tuple[Path, dict[str, Any]]) -> None:
    _, found = graded
    for name in ("empty", "broken", "essay"):
        assert found[name]["problem"], name
        assert found[name]["score"] == 0
    assert "no engine found" in found["essay"]["problem"]
    assert not found["zoe"]["problem"]


def test_a_panic_is_pinned_on_who_caused_it(graded: tuple[Path, dict[str, Any]]) -> None:
    _, found = graded
    told = " ".join([*found["panic"]["checks"][0]["kernel"], found["panic"]["checks"][0]["actual"]])
    assert "panic" in told.lower()
    assert not found["zoe"]["checks"][0]["kernel"]


def test_nothing_of_them_stays_on_this_host(graded: tuple[Path, dict[str, Any]]) -> None:
    assert not machines()
    assert not (graded[0] / ".run").exists()


def test_a_failure_is_seen_again(graded: tuple[Path, dict[str, Any]]) -> None:
    bundle = graded[0] / "replay" / "forger" / "build.engine_builds.zip"
    with zipfile.ZipFile(bundle) as archive:
        assert {"failure.txt", "transcript.txt", "kernel.log", "serial.log"} <= set(archive.namelist())
        assert b'"make"' in archive.read("transcript.txt")
    done = grade("replay", bundle, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["now"]["verdict"] == told["recorded"]["verdict"] == "failed"


def test_somebody_may_look_into_the_machine_when_it_fails(graded: tuple[Path, dict[str, Any]]) -> None:
    bundle = graded[0] / "replay" / "forger" / "build.engine_builds.zip"
    done = grade("replay", bundle, "--shell", stdin="ls /submission; hostname; exit\n")
    assert done.returncode == 0, done.stderr
    assert "engine.c" in done.stdout and "grade-" in done.stdout
    assert not machines()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A class whose programs are built, and do it when they run; of each the verdicts by check."""
    folder = tmp_path_factory.mktemp("class")
    for name, engine in {"flood": FLOOD, "hider": HIDER, "loader": ENGINE}.items():
        (hand_in(folder, name) / "engine.c").write_text(engine)
    (folder / "loader" / "monitor.c").write_text(PANICS_ON_LOAD)
    (folder / "loader" / "Makefile").write_text(MAKEFILE)
    shutil.copytree(SECOND, folder / "zoe")
    done = grade(
        "run", folder, "--jobs", "1", "--only", ",".join(CHECKS), "--json",
        "-o", tmp_path_factory.mktemp("results"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {
        result["submission"]: {check["id"]: check for check in result["checks"]}
        for result in json.loads(done.stdout)
    }


def test_who_does_harm_when_it_runs_has_verdicts_and_the_next_one_a_clean_machine(
    run: dict[str, dict[str, Any]],
) -> None:
    verdicts = {name: [checks[each]["verdict"] for each in CHECKS] for name, checks in run.items()}
    assert verdicts == {
        "flood": ["passed", "failed", "failed", "failed"],
        "hider": ["passed", "failed", "failed", "failed"],
        "loader": ["passed", "failed", "passed", "failed"],
        "zoe": ["passed"] * 4,
    }
    assert not machines()


def test_a_module_that_panics_on_load_is_pinned_on_its_loading(run: dict[str, dict[str, Any]]) -> None:
    loads = run["loader"]["build.monitor_loads"]
    assert "our own fault" in " ".join(loads["kernel"])
    others = [name for name, check in run["loader"].items() if check["kernel"] and check is not loads]
    assert not others


def test_a_killed_run_leaves_no_machine(tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "ann", "sleep 600")
    run = subprocess.Popen(
        [sys.executable, "-c", "from grading.__main__ import main; main()", "run", str(tmp_path / "class"),
         "--jobs", "1", "--only", "build.engine_builds", "-o", str(tmp_path / "results")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    PIDS.append(run.pid)
    try:
        await_true(machines)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    await_true(lambda: not machines())


def await_true(look: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)
