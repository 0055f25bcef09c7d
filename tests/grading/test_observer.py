"""The observer at its port: as if it had just been started in this guest, and nobody speaks in its place."""

from __future__ import annotations

import signal
import time

import pytest

from grading.guest.observer import Observer
from grading.guest.vm import PORT, Guest
from lab.errors import MachineError

pytestmark = pytest.mark.vm

FORGER = f"""
import glob, os, struct
[name] = [each for each in glob.glob("/sys/class/virtio-ports/*/name") if open(each).read().strip() == "{PORT}"]
port = "/dev/" + name.split("/")[-2]
while True:
    try:
        mine = os.open(port, os.O_RDWR)
        break
    except OSError:  # one at a time
        pass
os.write(1, b"open")
while True:
    for number in range(1, 200):
        field = struct.pack("<I", 5) + b"fine!"
        os.write(mine, struct.pack("<IIBQQ", 21 + len(field), number, ord("R"), 0, 0) + field)
    os.read(mine, 65536)
"""
"""Takes the port as soon as it is free, and says that all is fine."""


def pid(observer: Observer) -> int:
    [found] = [
        each.pid
        for each in observer.processes(everybody=True)
        if each.words and each.words[0].endswith("/observer")
    ]
    return found


def test_the_guest_has_the_host_s_time_and_its_own_name(guest: Guest) -> None:
    said = guest.observer.run("date", "+%s.%N").text
    assert abs(float(said) - time.time()) < guest.patience.now(1)
    assert guest.observer.run("hostname").text.strip() == guest.machine.name
    assert guest.observer.run("getent", "ahostsv4", guest.machine.name).code == 0


def test_nothing_is_told_of_the_time_before_it_was_saved(guest: Guest) -> None:
    guest.observer.run("sh", "-c", "echo '<6>the first word' > /dev/kmsg")
    assert guest.trouble() is None
    assert [each for each in guest.observer.kernel if each.text == "the first word"]
    assert not [each for each in guest.observer.kernel if "Linux version" in each.text]


def test_one_that_was_killed_is_missed_soon(guest: Guest) -> None:
    observer = guest.observer
    victim = pid(observer)
    job = observer.start("sleep", "60")
    observer.start("kill", "-9", str(victim))
    began = time.monotonic()
    with pytest.raises(MachineError, match="observer was lost"):
        job.wait()
    assert time.monotonic() - began < guest.patience.now(3)


def test_who_takes_its_place_is_not_believed(guest: Guest) -> None:
    observer = guest.observer
    victim = pid(observer)
    forger = observer.start("python3", "-c", FORGER)
    observer.start("sh", "-c", f"sleep 1; kill -{signal.SIGKILL} {victim}")
    with pytest.raises(MachineError, match="observer was lost"):
        while True:
            assert observer.read("/etc/hostname") != b"fine!"
    assert not forger.peek()
