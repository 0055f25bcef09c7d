"""What is read from an ext4 and written into one with debugfs(8), in a cache whose path has blanks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.image import alpine, box, tools

LOGIN = "ssh-ed25519 AAAA somebody\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / 'My "new" lab'
    folder.mkdir()
    return folder


def file_system(work: Path, files: dict[str, str]) -> Path:
    """An ext4 with these files in it."""
    tree, raw = work / "files", work / "disk.raw"
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    command = [tools.find("mkfs.ext4"), "-q", "-d", str(tree), str(raw), "4M"]
    subprocess.run(command, check=True, capture_output=True)
    return raw


def test_the_files_of_a_disk_are_taken_out(work: Path) -> None:
    raw = file_system(work, {"bin/busybox": "busy", "etc/os-release": "ID=alpine"})
    tree = alpine._tree_of(raw, work)
    assert (tree / "bin/busybox").read_text() == "busy"
    assert (tree / "etc/os-release").read_text() == "ID=alpine"


@pytest.mark.parametrize("before", [{"root/.ssh/authorized_keys": "somebody else's\n"}, {"root/x": ""}])
def test_the_login_key_is_put_into_a_box(work: Path, before: dict[str, str]) -> None:
    system = file_system(work, before)
    box._put_login_key(system, work, LOGIN)
    name = "/root/.ssh/authorized_keys"
    assert LOGIN in tools.output(["debugfs", "-R", f"cat {name}", str(system)])
    assert "somebody else" not in tools.output(["debugfs", "-R", f"cat {name}", str(system)])
    stat = tools.output(["debugfs", "-R", f"stat {name}", str(system)]).split()
    assert (stat[stat.index("Mode:") + 1], stat[stat.index("User:") + 1]) == ("0600", "0")


def test_a_key_that_does_not_get_there_is_an_error(work: Path) -> None:
    no_disk = work / "no.raw"
    no_disk.touch()
    with pytest.raises(LabError, match="The login key could not be put into the box"):
        box._put_login_key(no_disk, work, LOGIN)
