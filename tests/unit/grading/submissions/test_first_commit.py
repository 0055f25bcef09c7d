"""A clone's first commit is read; nothing that the clone wants to run is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from grading.submissions import first_commit as reading
from grading.submissions.first_commit import first_commit

SKELETON = "int main(void) { return 1; }\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "engine.c").write_text(SKELETON)
    (folder / "notes.txt").write_text("no source")
    commit(folder)
    (folder / "engine.c").write_text("int main(void) { return 0; }\n")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, env=environment
    )


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


def texts(clone: Path) -> dict[str, str] | None:
    read = first_commit(clone)
    return None if read is None else {source.path: source.text for source in read.sources}


def test_the_first_commit(clone: Path) -> None:
    assert texts(clone) == {"engine.c": SKELETON}


def test_also_when_packed(clone: Path) -> None:
    git(clone, "gc", "-q")
    git(clone, "pack-refs", "--all")
    assert not (clone / ".git/refs/heads/main").exists()
    assert texts(clone) == {"engine.c": SKELETON}


def test_nothing_of_the_clone_runs(clone: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        shutil.copy(script, clone / ".git/hooks" / name)
    with (clone / ".git/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\tsshCommand = {script}\n\tpager = {script}\n")
        config.write(f"\tgitProxy = {script}\n[extensions]\n\tpartialClone = o\n")
        config.write(
            f'[remote "o"]\n\tpromisor = true\n\turl = ext::{script}\n[protocol "ext"]\n\tallow = always\n'
        )
        config.write(
            f'[filter "f"]\n\tsmudge = {script}\n\tprocess = {script}\n[diff "f"]\n\ttextconv = {script}\n'
        )
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/attributes").write_text("* filter=f diff=f\n")
    assert texts(clone) == {"engine.c": SKELETON}
    assert not ran.exists()


def test_replaced_objects_do_not_count(clone: Path) -> None:
    git(clone, "replace", "HEAD~1", "HEAD")
    assert texts(clone) == {"engine.c": SKELETON}


def test_other_folders_objects_are_not_borrowed(clone: Path, tmp_path: Path) -> None:
    """`objects/info/alternates`, and links, would show what lies elsewhere on this host."""
    theirs = tmp_path / "hers"
    shutil.copytree(clone, theirs)
    shutil.rmtree(theirs / ".git/objects")
    (theirs / ".git/objects/info").mkdir(parents=True)
    (theirs / ".git/objects/info/alternates").write_text(f"{clone}/.git/objects\n")
    assert first_commit(theirs) is None
    shutil.rmtree(theirs / ".git/objects")
    (theirs / ".git/objects").symlink_to(clone / ".git/objects")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").symlink_to(clone / ".git")
    assert first_commit(linked) is None


@pytest.mark.parametrize(
    "head", ["", "ref: ../../../etc/passwd", "ref: refs/../config", "ref: refs/heads/none", "x" * 40]
)
def test_a_head_that_makes_no_sense(head: str, clone: Path) -> None:
    (clone / ".git/HEAD").write_text(head)
    assert first_commit(clone) is None


def test_a_head_does_not_point_out_of_the_clone(clone: Path) -> None:
    shutil.copy(clone / ".git/refs/heads/main", clone / "id")
    (clone / ".git/HEAD").write_text("ref: refs/heads/../../../id")
    assert first_commit(clone) is None


def test_damaged_objects(clone: Path) -> None:
    for path in (clone / ".git/objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"nonsense")
    assert first_commit(clone) is None


def test_a_shallow_clone_has_no_first_commit(clone: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{clone}", "shallow")
    assert first_commit(tmp_path / "shallow") is None


def test_no_clone(tmp_path: Path) -> None:
    assert first_commit(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /elsewhere")
    assert first_commit(tmp_path) is None


def test_a_listing_without_end_is_cut(tmp_path: Path) -> None:
    """A tree of the same tree ten times, ten deep: ten thousand million files in a few objects."""
    folder = tmp_path / "bomb"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    blob = output(folder, "hash-object", "-w", "--stdin", given="int x;")
    tree = output(folder, "mktree", given="".join(f"100644 blob {blob}\tf{n}.c\n" for n in range(10)))
    for _ in range(9):
        tree = output(folder, "mktree", given="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
    head = output(
        folder, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit-tree", tree, "-m", "x", given=""
    )
    (folder / ".git/refs/heads/main").write_text(f"{head}\n")
    assert first_commit(folder) is None


def output(folder: Path, *arguments: str, given: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, input=given
    )
    return result.stdout.strip()


def test_a_clone_of_which_all_takes_long_does_not_say(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS_OF_ALL", -1.0)
    assert texts(clone) is None
