"""Building, with a stand-in for mmdebstrap that unpacks nothing: what is kept, refused and cleaned up.

All the rest is real: the ext4 is made in a namespace by mkfs.ext4, the qcow2 by qemu-img.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path, PurePosixPath

import pytest

from lab.console import NoProgress
from lab.errors import LabError
from lab.image import build, mirror, store, tools
from lab.image.build import base_image
from lab.image.mirror import Archive, Mirror

EPOCH = 1_700_000_000

STAND_IN = """#!/bin/sh
# Hands over what needs a namespace; otherwise writes the prepared tar where mmdebstrap would.
case $1 in
    --unshare-helper | --version) exec {real} "$@" ;;
esac
echo "I: running the stand-in"
{behaviour}
for word; do case $word in *.tar) target=$word ;; esac; done
cat {tar} > "$target"
"""


def root_tar(path: Path, *, kernel: bytes = b"kernel") -> None:
    """The least that an image is made of."""
    files = {
        "./boot/vmlinuz-6.12": kernel,
        "./usr/bin/busybox": b"\x7fELF",
        "./usr/lib/modules/6.12/modules.dep": b"",
        "./usr/lib/modules/6.12/modules.builtin": b"".join(
            b"k/%s.ko\n" % name for name in (b"virtio_pci", b"virtio_blk", b"virtio_net", b"ext4")
        ),
        "./usr/share/boxwright/archives": b"0000 InRelease\n",
        "./var/lib/dpkg/status": b"Package: gcc\nStatus: install ok installed\nVersion: 4:14\n\n"
        b"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        "./dev/null-that-cannot-be-made": b"x",
    }
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    with tarfile.open(path, "w") as archive:
        for name in sorted(folders):
            entry = tarfile.TarInfo(f"./{name}" if name != "." else "./")
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH - 7
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uid = len(content), EPOCH - 5, 33
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache, a temporary folder, a mirror that is not asked, and the stand-in in PATH."""
    real = tools.find("mmdebstrap")
    programs = tmp_path / "programs"
    for folder in (programs, tmp_path / "tmp"):
        folder.mkdir()
    tmp_path.chmod(0o755)
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tools, "SEARCH_PATH", f"{programs}:{tools.SEARCH_PATH}")
    source = Mirror("debian", "trixie", ("deb http://a.example/debian trixie main",), Path("/k.gpg"))
    monkeypatch.setattr(mirror, "find_mirror", lambda suite: source)
    monkeypatch.setattr(mirror, "look_at", lambda *_: [Archive("trixie", "00", EPOCH)])
    root_tar(tmp_path / "root.tar")
    behave(tmp_path, real=real)
    return tmp_path


def behave(tmp_path: Path, behaviour: str = "", *, real: str = "/usr/bin/mmdebstrap") -> None:
    program = tmp_path / "programs/mmdebstrap"
    program.write_text(STAND_IN.format(real=real, behaviour=behaviour, tar=tmp_path / "root.tar"))
    program.chmod(0o755)


def leftovers(tmp_path: Path) -> list[str]:
    """What a build should not leave: anything but images, locks and the log of a failure."""
    kept = [path.name for path in (tmp_path / "tmp").iterdir()]
    return kept + [path.name for path in (tmp_path / "cache/images").glob("*.new")]


def test_an_image_is_whole_and_found_again(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = base_image(None, NoProgress())
    manifest = image.manifest()
    assert manifest["packages"] == {"gcc": "4:14"}
    assert manifest["source_date_epoch"] == EPOCH
    assert image.kernel.read_bytes() == b"kernel"
    assert image.kernel_release == "6.12"
    assert set(manifest["files"]) == {"disk.qcow2", "vmlinuz", "initrd"}
    assert sorted(path.name for path in image.folder.iterdir()) == [
        *("build.log", "disk.qcow2", "initrd", "manifest.json", "vmlinuz")
    ]
    assert leftovers(host) == []
    behave(host, "exit 1")  # nothing is built the second time
    assert base_image(None, NoProgress()) == image


def test_the_disk_has_the_files_with_their_owners_and_times(host: Path) -> None:
    image = base_image(None, NoProgress())
    raw = host / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(image.disk), str(raw)], check=True)
    said = tools.output(["debugfs", "-R", "stat /usr/bin/busybox", str(raw)])
    words = said.split()
    assert words[words.index("User:") + 1] == "33"
    times = {
        line.split()[0]: int(line.split()[1].split(":")[0], 16)
        for line in said.splitlines()
        if "time: 0x" in line
    }
    assert times == {"mtime:": EPOCH - 5, "atime:": EPOCH, "ctime:": EPOCH, "crtime:": EPOCH}
    assert "null-that-cannot-be-made" not in tools.output(["debugfs", "-R", "ls /dev", str(raw)])
    checked = subprocess.run([tools.find("e2fsck"), "-f", "-n", str(raw)], check=False, capture_output=True)
    assert checked.returncode == 0, checked.stdout


def test_building_again_gives_the_same_bytes(host: Path) -> None:
    first = base_image(None, NoProgress())
    disk, files = first.disk.read_bytes(), first.manifest()["files"]
    shutil.rmtree(first.folder)
    time.sleep(1.1)  # no time of the second build may be in it; ext4's times are whole seconds
    second = base_image(None, NoProgress())
    assert second.disk.read_bytes() == disk
    assert (second.name, second.manifest()["files"]) == (first.name, files)


def test_a_forced_build_that_gives_the_same_keeps_the_old_image(host: Path) -> None:
    first = base_image(None, NoProgress())
    again = base_image(None, NoProgress(), force=True)
    assert again == first
    assert again.created == first.created
    assert leftovers(host) == []


def test_a_forced_build_that_gives_other_bytes_is_a_fault_of_ours(host: Path) -> None:
    first = base_image(None, NoProgress())
    root_tar(host / "root.tar", kernel=b"another")
    with pytest.raises(LabError, match="built again from the same inputs, and its bytes differ"):
        base_image(None, NoProgress(), force=True)
    assert store.images() == [first]
    assert leftovers(host) == []


def test_a_mirror_that_moved_on_gives_another_image_beside_the_first(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = base_image(None, NoProgress())
    monkeypatch.setattr(mirror, "look_at", lambda *_: [Archive("trixie", "01", EPOCH + 86400)])
    assert base_image(None, NoProgress()) == first
    second = base_image(None, NoProgress(), force=True)
    assert (second.key, second.name != first.name) == (first.key, True)
    assert first.disk.exists()
    assert base_image(None, NoProgress()) == second


def test_what_apt_says_comes_with_the_error_and_the_log_is_kept(host: Path) -> None:
    behave(host, 'echo "Get:1 gcc"; echo "E: Unable to locate package gxx"; exit 100')
    with pytest.raises(
        LabError, match=r"Debian trixie could not be installed.*The whole log is in (\S+)\.$"
    ) as caught:
        base_image(None, NoProgress())
    assert caught.value.detail == "E: Unable to locate package gxx"
    log = Path(str(caught.value).rpartition(" ")[2].rstrip("."))
    assert "Get:1 gcc" in log.read_text()
    assert store.images() == []
    assert leftovers(host) == []


def test_a_full_disk_is_called_by_its_name(host: Path) -> None:
    behave(host, 'echo "dpkg: error: cannot copy: No space left on device"; exit 1')
    with pytest.raises(LabError, match=r"the disk is full\. Free some space"):
        base_image(None, NoProgress())
    assert leftovers(host) == []


def test_too_little_space_is_said_before_the_work(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build.SPACE_NEEDED, "cache", 10**18)
    behave(host, f"touch {host}/called")
    with pytest.raises(LabError, match=r"GB free, and a build takes 1000000000.0 GB"):
        base_image(None, NoProgress())
    assert not (host / "called").exists()


def test_a_tar_without_a_kernel_makes_no_image(host: Path) -> None:
    with tarfile.open(host / "root.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("./etc"))
    with pytest.raises(LabError, match="The guest has 0 kernels instead of one"):
        base_image(None, NoProgress())
    assert (store.images(), leftovers(host)) == ([], [])


def test_a_missing_program_is_named_with_its_package(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "SEARCH_PATH", str(host / "programs"))
    with pytest.raises(LabError, match=r"The program .* is not installed on this host. Install the package"):
        base_image(None, NoProgress())
    assert leftovers(host) == []


def test_what_a_killed_build_left_goes_away_with_the_next(host: Path) -> None:
    image = base_image(None, NoProgress())
    shutil.rmtree(image.folder)
    with build._work_folder(image.key) as work:
        name = work.name
    left = host / "tmp" / name / "mmdebstrap.x/etc"
    left.mkdir(parents=True)
    (store.folder() / f"trixie-{image.key[:8]}.new/x").mkdir(parents=True)
    assert base_image(None, NoProgress()).name == image.name
    assert leftovers(host) == []


def test_a_work_folder_of_somebody_else_is_not_touched(host: Path) -> None:
    image = base_image(None, NoProgress())
    with build._work_folder(image.key) as work:
        name = work
    (host / "elsewhere").mkdir()
    (host / "elsewhere/precious").touch()
    name.symlink_to(host / "elsewhere")
    with pytest.raises(LabError, match="belongs to somebody else"):
        base_image(None, NoProgress(), force=True)
    assert (host / "elsewhere/precious").exists()


def test_a_work_folder_that_cannot_be_removed_is_named(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = base_image(None, NoProgress())
    with build._work_folder(image.key) as work:
        name = work
    name.mkdir()
    monkeypatch.setattr(build, "_remove_tree", lambda path: None)
    with pytest.raises(LabError, match=f"{name} cannot be removed. Unmount what is mounted in it"):
        base_image(None, NoProgress(), force=True)


def test_an_epoch_that_is_none() -> None:
    archives = [Archive("a", "", 5), Archive("b", "", 7)]
    assert build.source_date_epoch(archives) == 7


@pytest.mark.parametrize("wish", ["yesterday", "-1", "1.5"])
def test_a_wished_time_must_be_a_number(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", wish)
    with pytest.raises(LabError, match="SOURCE_DATE_EPOCH is"):
        build.source_date_epoch([])


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie; it may go while it is looked at."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_process_and_no_image(host: Path, number: signal.Signals) -> None:
    """As a person or the kernel ends it: in a process of its own, in the middle of the installation."""
    marker = host / "running"
    # mmdebstrap itself outlives signals and waits for its children: so does this.
    behave(
        host,
        "trap : TERM INT; mkdir $TMPDIR/tree; mount -t tmpfs tmpfs $TMPDIR/tree\n"
        f"sleep 300 & echo $! >{marker}.part; mv {marker}.part {marker}\n"
        "while kill -0 $!; do wait $!; done; exit 1",
    )
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lab.console import NoProgress
from lab.image import build, mirror, tools
tools.SEARCH_PATH = sys.argv[2]
source = mirror.Mirror("debian", "trixie", ("deb http://a.example/debian trixie main",), Path("/k.gpg"))
mirror.find_mirror = lambda suite: source
mirror.look_at = lambda *_: [mirror.Archive("trixie", "00", 1_700_000_000)]
build.base_image(None, NoProgress())
"""
    arguments = [sys.executable, "-c", code, str(Path(__file__).parents[3]), tools.SEARCH_PATH]
    building = subprocess.Popen(arguments, env=os.environ, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not marker.exists():
        assert building.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    child = int(marker.read_text())
    building.send_signal(number)
    building.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while lives(child):
        assert time.monotonic() < deadline, "the tool goes on without us"
        time.sleep(0.05)
    assert store.images() == []
    assert str(host) not in Path("/proc/self/mountinfo").read_text(), (
        "a mount of the build is left on the host"
    )
    if number == signal.SIGINT:
        assert leftovers(host) == []
    behave(host)
    assert base_image(None, NoProgress()).disk.exists()
    assert leftovers(host) == []


def test_an_ordinary_user_without_subordinate_ids_is_told(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    monkeypatch.setattr("getpass.getuser", lambda: "nobody-here")
    with pytest.raises(
        LabError, match=r"nobody-here has no range of ids in /etc/subuid.*usermod --add-subuids"
    ):
        build._check_subordinate_ids()


def test_the_hosts_variables_do_not_reach_the_packages_scripts(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: a variable that tells Python to write no byte code changed the image."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3142")
    behave(host, f"env >{host}/variables")
    base_image(None, NoProgress())
    seen = dict(line.split("=", 1) for line in (host / "variables").read_text().splitlines() if "=" in line)
    shells = {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    ours = {"SOURCE_DATE_EPOCH", "TMPDIR", "LC_ALL", "DEBIAN_FRONTEND", "INITRD"}
    pythons = {"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
    left = {name for name in seen if not name.lower().endswith("_proxy")}
    assert left - {"HOME"} <= shells | ours | pythons
    assert ours | pythons <= left
    assert seen["SOURCE_DATE_EPOCH"] == str(EPOCH)
    assert seen["http_proxy"] == "http://127.0.0.1:3142"


def test_inputs_are_written_down(host: Path) -> None:
    manifest = json.loads((base_image(None, NoProgress()).folder / store.MANIFEST).read_text())
    assert manifest["inputs"]["suite"] == "trixie"
    assert manifest["archives"] == [dataclasses.asdict(Archive("trixie", "00", EPOCH))]
    assert all(manifest["tools"].values())
