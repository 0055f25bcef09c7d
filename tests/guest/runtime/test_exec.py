"""`exec`: one more program in a container, with all that the container has and nothing of the host's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

SERVER = "trap 'exit 0' TERM; while :; do sleep 0.2; done"

THIEF = r"""
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* Looks at every other process, all the time: is its program writable, is any of its descriptors of a
 * folder, or of anything that is neither a pipe nor /dev/null? */
int main(void)
{
	char path[64], target[256];
	setbuf(stdout, NULL);
	puts("looking");
	for (unsigned long turn = 0;; turn++) {
		DIR *proc = opendir("/proc");
		for (struct dirent *one; (one = readdir(proc));) {
			int pid = atoi(one->d_name);
			if (pid <= 1 || pid == getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			ssize_t length = readlink(path, target, sizeof(target) - 1);
			if (length > 0 && strncmp(target, "/bin/", 5))
				printf("sees the program %.*s\n", (int)length, target);
			snprintf(path, sizeof(path), "/proc/%d/fd", pid);
			DIR *fds = opendir(path);
			for (struct dirent *fd; fds && (fd = readdir(fds));) {
				char name[80];
				snprintf(name, sizeof(name), "%s/%s", path, fd->d_name);
				length = readlink(name, target, sizeof(target) - 1);
				if (length > 0 && fd->d_name[0] != '.' && strncmp(target, "pipe:", 5) &&
					strncmp(target, "/dev/null", 9) && strncmp(target, "/bin/", 5))
					printf("sees the descriptor %s, %.*s\n", fd->d_name, (int)length, target);
			}
			if (fds)
				closedir(fds);
		}
		closedir(proc);
	}
}
"""


@pytest.fixture
def box(supervisor: Supervisor) -> Iterator[str]:
    """A container that goes on until it is told to end."""
    supervisor.engine("start", "box", "/srv/a", "sh", "-c", SERVER)
    yield "box"
    supervisor.engine("rm", "-f", "box", check=False)


def processes(supervisor: Supervisor, identifier: str) -> list[dict[str, Any]]:
    return list(json.loads(supervisor.engine("top", identifier, "--format", "json").stdout))


def test_it_is_in_the_container_and_has_what_the_container_has(
    supervisor: Supervisor, machine: Machine, box: str
) -> None:
    """Every namespace, cgroup, root, rights, nice value; and its parent is the supervisor."""
    supervisor.engine("start", "nice", "/srv/b", "sh", "-c", SERVER, "--nice", "7", "--cpuset", "0")
    machine.run(f"({supervisor.line('exec', 'nice', 'sleep', '1234')}) > /dev/null 2>&1 &")
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [one for one in processes(supervisor, "nice") if one["command"] == ["sleep", "1234"]]
        return bool(found)

    supervisor.wait(there, "it runs")
    first, guest = supervisor.ps("nice")["pid"], found[0]["pid"]
    assert found[0]["ppid"] == supervisor.pid and found[0]["pid_inside"] > 1
    look = (
        "cd /proc/{pid}; stat -Lc %i ns/cgroup ns/ipc ns/mnt ns/net ns/pid ns/time ns/user ns/uts root; cat cgroup; "
        "grep -E '^(Cap|NoNewPrivs|Seccomp|Cpus_allowed|Groups|Uid|Gid)' status; cut -d' ' -f19 stat; cat limits"
    )
    shown = [machine.run(look.format(pid=pid)).text for pid in (first, guest)]
    assert shown[0] == shown[1]
    assert "\n7\n" in shown[0] and "NoNewPrivs:\t1" in shown[0]
    held = machine.run(f"ls -l /proc/{guest}/fd").text
    assert held.count(" -> ") == 3 and "/dev/null" in held
    supervisor.engine("rm", "-f", "nice")


def test_output_status_and_options(supervisor: Supervisor, box: str) -> None:
    """Streams apart, exit codes as of docker and podman, variables, working directory, unchanged arguments."""
    both = supervisor.engine("exec", box, "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (both.stdout, both.stderr, both.exit_status) == (b"out\n", b"err\n", 7)
    assert supervisor.engine("exec", box, "sh", "-c", "kill -9 $$", check=False).exit_status == 137
    assert supervisor.engine("exec", box, "hostname").text == box
    shown = supervisor.engine(
        "exec", "-e", "A=1", "-e", "B=x y", "-w", "/tmp", box, "sh", "-c", 'echo $A "$B"; pwd'
    )
    assert shown.text == "1 x y\n/tmp"
    supervisor.machine.run("printf '# a comment\\nFILE=f\\nGIVEN\\n' > /tmp/variables")
    line = supervisor.line("exec", "-e", "HERE", "-e", "UNSET", "--env-file", "/tmp/variables", box, "env")
    shown = supervisor.machine.run(f"HERE=h GIVEN='g g' {line}")
    assert {"HERE=h", "FILE=f", "GIVEN=g g", f"HOSTNAME={box}"} <= set(shown.text.splitlines())
    assert "UNSET" not in shown.text
    words = ["-e", "a  b", "", "--", "-i"]
    assert supervisor.engine("exec", box, "printf", "%s,", *words).text == ",".join([*words, ""])
    for words, status, said in (
        ([box, "nosuch"], 127, "not found"),
        ([box, "/etc"], 126, "cannot be executed"),
        (["-w", "/nowhere", box, "ls"], 125, "/nowhere"),
        (["-t", box, "sh"], 125, "no terminals"),
        (["nobody", "ls"], 125, "no container"),
        ([box], 125, "a command"),
        (["-e", "=A", box, "ls"], 125, "NAME=VALUE"),
    ):
        answer = supervisor.engine("exec", *words, check=False)
        assert (answer.exit_status, answer.stdout) == (status, b""), words
        assert said in answer.error_text and "Traceback" not in answer.error_text


def test_standard_input(supervisor: Supervisor, machine: Machine, box: str) -> None:
    """With -i every byte and the end of it; without, none."""
    machine.run("head -c 3000000 /dev/urandom > /tmp/random")
    answer = machine.run(
        f"{supervisor.line('exec', '-i', box, 'sha256sum')} < /tmp/random; sha256sum < /tmp/random; "
        f"echo unread | {supervisor.line('exec', box, 'cat')}; "
        f"yes | {supervisor.line('exec', '-i', box, 'head', '-n', '1')}"
    ).text.splitlines()
    assert answer[0] == answer[1] and answer[2:] == ["y"]


def test_it_ends_with_the_container(supervisor: Supervisor, machine: Machine, box: str) -> None:
    """However stubborn it is; its client hears of it, and no zombie is left."""
    stubborn = supervisor.line(
        "exec", box, "sh", "-c", "trap '' TERM INT; echo up; while :; do sleep 0.1; done"
    )
    machine.run(f"({stubborn} > /tmp/stubborn; echo $? >> /tmp/stubborn) > /dev/null 2>&1 &")
    supervisor.wait(lambda: machine.run("cat /tmp/stubborn", check=False).text == "up", "it is up")
    supervisor.engine("stop", box)
    assert supervisor.ps(box)["stopped_by"] == "TERM"
    supervisor.wait(lambda: machine.run("cat /tmp/stubborn").text == "up\n137", "its client has heard")
    assert machine.run(f"ps -o stat= --ppid {supervisor.pid} | grep -c Z || true").text == "0"
    late = supervisor.engine("exec", box, "true", check=False)
    assert late.exit_status == 125 and "not running" in late.error_text


def test_a_client_that_leaves(supervisor: Supervisor, machine: Machine, box: str) -> None:
    """Ctrl-C is passed on; a client that is killed leaves the process alone, and its output is dropped."""
    gone = machine.run(
        f"timeout --preserve-status -k 20 -s INT 2 env {supervisor.line('exec', box, 'sleep', '4321')}; echo $?"
    )
    assert gone.text == "130"
    supervisor.wait(lambda: len(processes(supervisor, box)) <= 2, "the interrupted one has ended")
    busy = "while [ ! -e /tmp/go ]; do sleep 0.1; done; head -c 1000000 /dev/zero; touch /tmp/written"
    machine.run("rm -f /srv/a/tmp/go /srv/a/tmp/written")
    machine.run(
        f"({supervisor.line('exec', box, 'sh', '-c', busy)} & echo $! > /tmp/client; wait) > /dev/null 2>&1 &"
    )
    supervisor.wait(lambda: len(processes(supervisor, box)) > 2, "it runs")
    machine.run("kill -9 $(cat /tmp/client); touch /srv/a/tmp/go")
    supervisor.wait(lambda: machine.run("ls /srv/a/tmp/written", check=False).ok, "it has written all")
    assert supervisor.engine("exec", box, "echo", "fine").text == "fine"


def test_nothing_of_the_host_can_be_seen(supervisor: Supervisor, machine: Machine) -> None:
    """Not between its birth and its exec either: a thief inside looks at all it can, all the time."""
    machine.write("/tmp/thief.c", THIEF.encode())
    machine.run("gcc -O2 -static -o /srv/a/thief /tmp/thief.c", timeout=60)
    supervisor.engine("start", "den", "/srv/a", "/thief")
    supervisor.wait(lambda: supervisor.engine("logs", "den").text.startswith("looking"), "it looks")
    machine.run(
        f"for i in $(seq 30); do {supervisor.line('exec', 'den', 'true')} || exit 1; done", timeout=120
    )
    assert supervisor.engine("logs", "den").text == "looking"
    supervisor.engine("rm", "-f", "den")


def test_it_fits_into_a_small_container(supervisor: Supervisor) -> None:
    """What it is before its program is executed is shared with the zygote, and is not charged again."""
    supervisor.engine("start", "small", "/srv/a", "--soft-mib", "3", "--hard-mib", "4", "sleep", "1000")
    if supervisor.ps("small")["limits"] != "cgroup":
        pytest.skip("here the monitor holds the limits, and counts resident memory")
    for _ in range(10):
        assert supervisor.engine("exec", "small", "true").ok
    record = supervisor.ps("small")
    assert (record["state"], record["soft_limit_hit"]) == ("running", False)
    supervisor.engine("rm", "-f", "small")


def test_nothing_is_left_of_it(supervisor: Supervisor, machine: Machine, box: str) -> None:
    """No descriptor, no process, no thread of the supervisor's; whether it worked or not."""

    def held() -> tuple[str, str]:
        root = f"/proc/{supervisor.pid}"
        return machine.run(f"ls {root}/fd | wc -l; ls {root}/task | wc -l").text, machine.run(
            f"ps -o pid= --ppid {supervisor.pid} | wc -l"
        ).text

    supervisor.engine("exec", box, "true")
    before = supervisor.settled(held)
    for words in (["true"], ["nosuch"], ["sh", "-c", "sleep 1 & echo left behind"]):
        for _ in range(3):
            supervisor.engine("exec", box, *words, check=False)
    supervisor.wait(lambda: held() == before, f"there is as much as before, {before}")
