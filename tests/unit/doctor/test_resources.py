from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from lab.doctor import resources
from lab.doctor.finding import Finding


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


def test_one_processor_is_a_warning() -> None:
    assert only(resources.cpus(1)).status == "warning"
    assert only(resources.cpus(2)).status == "ok"
    assert only(resources.cpus()).found.split()[0] in (str(len(os.sched_getaffinity(0))), "one")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of a process in the control group /a/b."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/a/b\n")
    (tmp_path / "groups/a/b").mkdir(parents=True)
    return tmp_path / "proc"


def the_memory(proc: Path, available_mib: int) -> Finding:
    (proc / "meminfo").write_text(f"MemTotal: 9999999 kB\nMemAvailable: {available_mib * 1024} kB\n")
    return only(resources.memory(proc=proc, cgroups=proc.parent / "groups", guest_mib=1024))


def limit(proc: Path, group: str, most: str, used_mib: int, cached_mib: int = 0) -> None:
    folder = proc.parent / "groups" / group
    (folder / "memory.max").write_text(most if most == "max" else str(int(most) << 20))
    (folder / "memory.current").write_text(str(used_mib << 20))
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cached_mib << 20}\n")


@pytest.mark.parametrize(
    ("mib", "status"), [(1023, "failed"), (1024, "warning"), (1535, "warning"), (1536, "ok"), (90000, "ok")]
)
def test_free_memory(proc: Path, mib: int, status: str) -> None:
    found = the_memory(proc, mib)
    assert found.status == status
    assert f"{mib} MiB free" in found.found


def test_the_limit_of_a_container_counts_and_its_page_cache_does_not(proc: Path) -> None:
    limit(proc, "a", "2000", 1200)  # 800 left
    limit(proc, "a/b", "max", 1200)
    found = the_memory(proc, 9000)
    assert (found.status, "800 MiB left" in found.found) == ("failed", True)
    limit(proc, "a", "2000", 1200, cached_mib=900)
    assert "1700 MiB left" in the_memory(proc, 9000).found
    limit(proc, "a/b", "1400", 200)
    assert "1200 MiB left" in the_memory(proc, 9000).found


def test_memory_is_read_of_the_real_host() -> None:
    assert "MiB" in only(resources.memory()).found


def the_disk(tmp_path: Path, gigabytes: float, *, built: bool = False) -> Finding:
    places = {}
    for name in ("cache", "state", "temporary"):
        places[name] = tmp_path / name
        places[name].mkdir(exist_ok=True)
    return only(resources.disk(places=places, free=lambda _: int(gigabytes * 1e9), built=built))


def test_folders_on_one_disk_need_the_sum(tmp_path: Path) -> None:
    # A build takes 2.5 in the cache and 1.5 in the temporary folder, then 1.5, and a machine 1.
    assert the_disk(tmp_path, 6.6).status == "ok"
    found = the_disk(tmp_path, 6.4)
    assert found.status == "failed"
    assert str(tmp_path / "cache") in found.fix


def test_a_full_disk_matters_less_where_an_image_is_there(tmp_path: Path) -> None:
    assert the_disk(tmp_path, 3, built=True).status == "warning"
    assert the_disk(tmp_path, 0.51, built=True).status == "warning"
    assert the_disk(tmp_path, 0.49, built=True).status == "failed"


def test_folders_on_two_disks_are_added_apart(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one file system")
    places = {"cache": tmp_path, "state": tmp_path, "temporary": memory}
    found = only(
        resources.disk(places=places, free=lambda path: 10**9 if path == memory else 10**10, built=False)
    )
    assert found.status == "failed"
    assert "10.0 GB free for cache and state (5.0 needed)" in found.found
    assert "1.0 GB free for temporary files (1.5 needed)" in found.found
    assert str(memory) in found.fix and str(tmp_path) not in found.fix


def test_the_real_file_system_is_asked(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    assert resources.free_bytes(tmp_path) == pytest.approx(status.f_bavail * status.f_frsize, rel=0.2)


def test_limits() -> None:
    assert only(resources.limits({resource.RLIMIT_NOFILE: 1024})).status == "ok"
    assert only(resources.limits({})).found == "no limit on files, processes or sizes"
    low = only(resources.limits({resource.RLIMIT_NOFILE: 256}))
    assert (low.status, low.fix.startswith("ulimit -n 1024")) == ("failed", True)
    assert "ulimit -u" in only(resources.limits({resource.RLIMIT_NPROC: 499})).fix
    assert only(resources.limits({resource.RLIMIT_NPROC: 500})).status == "ok"
    small = only(resources.limits({resource.RLIMIT_FSIZE: 1 << 30, resource.RLIMIT_AS: 1 << 30}))
    assert "ulimit -f 5242880" in small.fix and "ulimit -v 8388608" in small.fix


def test_a_real_limit_is_seen() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
    try:
        found = only(resources.limits())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (found.status, "300 open files" in found.found) == ("failed", True)


def test_ports() -> None:
    assert only(resources.ports()).status == "ok"
    nobody = only(resources.ports("203.0.113.1"))  # for documentation (RFC 5737): no host has it
    assert nobody.status == "failed"
    assert "203.0.113.1" in nobody.found


def test_a_port_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("socket.create_connection", refuse)
    assert "Connection refused" in only(resources.ports()).found


def the_folders(state: Path, cache: Path) -> list[Finding]:
    return list(resources.folders(state, cache))


def test_folders_must_be_private_and_ours(tmp_path: Path) -> None:
    state, cache = tmp_path / "state", tmp_path / "cache"
    state.mkdir(mode=0o700)
    cache.mkdir(mode=0o700)
    assert [each.status for each in the_folders(state, cache)] == ["ok", "ok"]
    state.chmod(0o750)
    read, closed = the_folders(state, cache)
    assert (read.name, read.status, read.fix) == ("state-folder", "warning", f"chmod 700 {state}")
    assert (closed.name, closed.status) == ("cache-folder", "ok")
    cache.chmod(0o702)
    assert (the_folders(state, cache)[1].status, the_folders(state, cache)[1].fix) == (
        "failed",
        f"chmod 700 {cache}",
    )


def test_a_folder_that_cannot_be_written() -> None:
    found = the_folders(Path("/proc/self/fd"), Path("/proc/self/fd"))[0]
    assert found.status == "failed"
    assert "cannot be written" in found.found


def test_a_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    found = the_folders(tmp_path, tmp_path)
    assert [each.status for each in found] == ["failed", "failed"]
    assert "BOXWRIGHT_STATE" in found[0].fix and "BOXWRIGHT_CACHE" in found[1].fix
