"""What a container can see and touch, and that the host does not notice it was there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

HOST = "cat /proc/self/mountinfo /proc/sys/kernel/hostname; ls /proc/sys /sys/fs/cgroup/boxwright 2>/dev/null"


def test_the_host_is_the_same_during_and_after(supervisor: Supervisor, machine: Machine) -> None:
    """Mount table, hostname and /proc of the host do not change; the supervisor's descriptors neither."""
    supervisor.engine("run", "warm", "/srv/a", "true")
    descriptors = f"ls /proc/{supervisor.pid}/fd | wc -l; ls /proc/{supervisor.pid}/task | wc -l"
    before = supervisor.settled(lambda: machine.run(HOST).text)
    counts = supervisor.settled(lambda: machine.run(descriptors).text)
    supervisor.engine(
        "start", "visitor", "/srv/a", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    )
    mounts = "cat /proc/self/mountinfo /proc/sys/kernel/hostname"
    assert machine.run(mounts).text in before
    supervisor.engine("stop", "visitor")
    supervisor.wait_for_same(lambda: machine.run(HOST).text, before, "the host is as before")
    supervisor.wait_for_same(
        lambda: machine.run(descriptors).text, counts, "all descriptors and threads are back"
    )


def test_a_container_is_its_own_world(supervisor: Supervisor) -> None:
    """PID 1, few processes, its id as hostname, its rootfs as /, a /proc of its own."""
    script = "echo $$; hostname; pwd; ls -d /proc/[0-9]* | wc -l; cat /proc/sys/kernel/hostname; ls -id / /.. /../.."
    lines = supervisor.engine("run", "world", "/srv/a", "sh", "-c", script).text.splitlines()
    assert lines[:3] == ["1", "world", "/"]
    assert int(lines[3]) <= 3  # the shell, ls, and wc
    assert lines[4] == "world"
    assert len({line.split()[0] for line in lines[5:8]}) == 1, "`..` leads out of the rootfs"


def test_namespaces_differ_from_the_hosts(supervisor: Supervisor, machine: Machine) -> None:
    """PID, mount, UTS and IPC namespaces are new."""
    command = "for n in pid mnt uts ipc; do readlink /proc/self/ns/$n; done"
    inside = supervisor.engine("run", "spaces", "/srv/a", "sh", "-c", command).text.splitlines()
    outside = machine.run(command).text.splitlines()
    assert len(inside) == len(outside) == 4
    assert not set(inside) & set(outside)


def test_nothing_of_the_hosts_is_held_open(supervisor: Supervisor) -> None:
    """Standard input is /dev/null, output two pipes; there is no other descriptor, and no ignored signal."""
    lines = supervisor.engine("run", "held", "/srv/a", "sh", "-c", "ls -l /proc/1/fd; true").text.splitlines()
    held = dict(line.split()[8::2] for line in lines if " -> " in line)
    assert held.keys() == {"0", "1", "2"}
    assert held["0"] == "/dev/null" and held["1"] != held["2"]
    assert held["1"].startswith("pipe:") and held["2"].startswith("pipe:")
    signals = supervisor.engine(
        "run", "held", "/srv/a", "grep", "-E", "SigIgn|SigBlk", "/proc/self/status"
    ).text
    assert signals.split()[1::2] == ["0" * 16] * 2


def test_root_in_a_container_is_not_root_on_the_host(supervisor: Supervisor, machine: Machine) -> None:
    """The common 14 capabilities, no new privileges, and no way to the host's kernel or disk."""
    disk = machine.run("stat -c '%Hr %Lr' $(findmnt -nvo SOURCE /)").text
    script = f"""grep -E 'CapEff|CapBnd|CapInh|NoNewPrivs' /proc/self/status
echo changed > /proc/sys/kernel/domainname && echo sysctl
echo t > /proc/sysrq-trigger; mount -t tmpfs none /mnt && echo mount
mknod /tmp/disk b {disk} && head -c 1 /tmp/disk > /dev/null && echo disk
rm -f /tmp/disk; mknod /dev/disk b {disk} && echo dev; chroot / true && echo chroot; echo end"""
    answer = supervisor.engine("run", "caps", "/srv/a", "sh", "-c", script, check=False)
    assert answer.text.splitlines()[0:4] == [
        "CapInh:\t0000000000000000",
        "CapEff:\t00000000a80425fb",
        "CapBnd:\t00000000a80425fb",
        "NoNewPrivs:\t1",
    ]
    said = answer.text.splitlines()[4:]
    assert "chroot" in said and "end" in said, "the common capabilities are there"
    assert not {"sysctl", "mount", "disk", "dev"} & set(said)
    assert not [line for line in machine.kernel_log() if "sysrq" in line.lower() and "Show" in line]


def test_the_interpreter_cannot_be_written(supervisor: Supervisor, machine: Machine) -> None:
    """`#!/proc/self/exe` reaches a sealed copy in memory, not the host's Python."""
    digest = "sha256sum < /usr/bin/python3"
    before = machine.run(digest).stdout
    zygote = machine.run(f"pgrep -P {supervisor.pid}").text.split()[0]
    assert machine.run(f"readlink /proc/{zygote}/exe").text.startswith("/memfd:")
    assert not machine.run(f"sh -c 'echo x > /proc/{zygote}/exe'", check=False).ok
    machine.run("printf '#!/proc/self/exe\\n' > /srv/a/evil && chmod 755 /srv/a/evil")
    assert not supervisor.engine("run", "evil", "/srv/a", "/evil", check=False).ok
    assert machine.run(digest).stdout == before


def test_a_rootfs_belongs_to_one_living_container(supervisor: Supervisor, machine: Machine) -> None:
    """Neither a symbolic link nor `..` nor a folder inside it makes it another; after the end it is free."""
    machine.run("ln -sfn /srv/b /srv/link")
    supervisor.engine("start", "owner", "/srv/b", "/cpu_hog")
    for other in ("/srv/b", "/srv/link", "/srv/a/../b", "/srv/b/usr", "/srv"):
        answer = supervisor.engine("start", "guest", other, "true", check=False)
        assert (answer.exit_status, answer.stdout) == (125, b""), other
        assert "in use by container owner" in answer.error_text
    again = supervisor.engine("start", "owner", "/srv/c", "true", check=False)
    assert again.exit_status == 125 and "owner is running already" in again.error_text
    supervisor.engine("stop", "owner")
    assert supervisor.engine("run", "owner", "/srv/link", "true").ok


def test_every_container_has_its_cgroup(supervisor: Supervisor, machine: Machine) -> None:
    """Named after it, with its nice value as weight; gone soon after it."""
    supervisor.engine("start", "group", "/srv/a", "/cpu_hog", "--nice", "-5", "--cpuset", "0")
    folder = machine.run("ls -d /sys/fs/cgroup/boxwright/group-*").text
    pid = supervisor.ps("group")["pid"]
    assert machine.run(f"cat {folder}/cgroup.procs").text == str(pid)
    assert machine.run(f"cat {folder}/cpu.weight.nice; ps -o ni= -p {pid}").text.split() == ["-5", "-5"]
    assert machine.run(f"grep Cpus_allowed_list /proc/{pid}/status").text.split()[1] == "0"
    supervisor.engine("stop", "group")
    supervisor.wait(lambda: not machine.run(f"ls -d {folder}", check=False).ok, "its cgroup is gone")
