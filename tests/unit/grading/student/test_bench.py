"""The kept guest: what is delivered and built, and what is not. The guest is a stand-in with files in memory."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grading.guest.delivery import Product
from grading.guest.patience import Patience
from grading.guest.records import FileStatus, Finished
from grading.guest.tools import Tools
from grading.student import bench as benches
from grading.student import work as works
from grading.student.bench import Bench, WorkspaceSession
from grading.student.store import Store
from lab.console import NoProgress
from lab.workspace.state import Workspace

KO = "/submission/kernel/monitor.ko"
SOURCE = "kernel/monitor.c"


class Observer:
    """A guest's files, and a `make` that makes of a module what its source says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.modes: dict[str, int] = {}
        self.said: list[tuple[str, ...]] = []
        self.written: list[str] = []

    def run(self, *words: str, folder: str = "/", stdin: bytes = b"", **_: Any) -> Finished:
        self.said.append(words)
        code = 0
        if words[0] == "tar":
            with tarfile.open(fileobj=io.BytesIO(stdin)) as archive:
                for member in archive.getmembers():
                    file = archive.extractfile(member)
                    assert file is not None
                    self.write(f"/{member.name}", file.read(), mode=member.mode)
        elif words[0] == "rm":
            for path in words[2:]:
                self.files.pop(path, None)
        elif words[0] == "make" and folder == "/submission/kernel":
            source = self.files[f"{folder}/monitor.c"]
            if b"#error" in source:
                code = 2
            else:
                self.files[KO] = b"\x7fELF" + source
        return Finished(words, code << 8, b"", b"", 0, 0, 0, 0, False)

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        self.files[path], self.modes[path] = content, mode
        self.written.append(path)

    def read(self, path: str, *, most: int = 1 << 30) -> bytes:
        return self.files[path][:most]

    def stat(self, path: str) -> FileStatus | None:
        if path not in self.files:
            return None
        return FileStatus("f", self.modes.get(path, 0o644), len(self.files[path]), 0, 0, 0, 1)

    def names(self, path: str) -> list[str]:
        return sorted(
            {each[len(path) + 1 :].split("/")[0] for each in self.files if each.startswith(f"{path}/")}
        )

    def made(self, folder_word: str = "make") -> int:
        return sum(words[0] == folder_word for words in self.said)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    def fresh(*_: object) -> Any:
        return SimpleNamespace(observer=Observer(), kernel="6.12", patience=Patience(1.0), close=lambda: None)

    monkeypatch.setattr(benches, "fresh_guest", fresh)
    monkeypatch.setattr(benches, "remove_guest", lambda name: None)
    monkeypatch.setattr(benches, "watched", lambda guest: None)
    monkeypatch.setattr(benches, "cleaned", lambda guest, left, token: True)
    return Bench("student-x", Tools(tmp_path), NoProgress(), Store(tmp_path / "products"))


Prepare = Callable[[], tuple[WorkspaceSession, Observer]]


@pytest.fixture
def prepare(bench: Bench, workspace: Workspace) -> Prepare:
    """What `lab check` does before its checks; and then that the guest was cleaned."""

    def do() -> tuple[WorkspaceSession, Observer]:
        before = bench.guest.observer if bench.guest else None
        if before is not None:
            cast(Observer, before).said.clear()
            cast(Observer, before).written.clear()
        session = WorkspaceSession.of(bench, works.read(workspace), "seed", "t0")
        observer = cast(Observer, session.guest.observer)
        bench.clean()
        return session, observer

    return do


def append(workspace: Workspace, path: str, text: str) -> None:
    with (workspace.folder / path).open("a") as file:
        file.write(text)


def test_the_first_time_everything_is_brought_and_built(prepare: Prepare, workspace: Workspace) -> None:
    session, observer = prepare()
    assert observer.files["/submission/kernel/monitor.c"] == (workspace.folder / SOURCE).read_bytes()
    assert observer.modes["/submission/runtime/engine"] == 0o755
    assert not [path for path in observer.files if "/.git/" in path or "answers.toml" in path]
    assert session.built is not None
    assert (session.built.engine.path, session.built.module.path) == ("/submission/runtime/engine", KO)


def test_what_is_equal_is_left_alone(prepare: Prepare) -> None:
    _, first = prepare()
    _, again = prepare()
    assert again is first and again.written == [] and again.made() == 0


def test_an_edit_of_the_engine_brings_that_file_and_compiles_nothing(
    prepare: Prepare, workspace: Workspace
) -> None:
    prepare()
    append(workspace, "runtime/supervisor/buffer.py", "# mine\n")
    (workspace.folder / "runtime/supervisor/events.py").touch()
    (workspace.folder / "runtime/supervisor/bell.py").unlink()
    _, observer = prepare()
    assert observer.written == ["/submission/runtime/supervisor/buffer.py"] and observer.made() == 0
    assert "/submission/runtime/supervisor/bell.py" not in observer.files


def test_an_edit_of_the_module_builds_it_alone(prepare: Prepare, workspace: Workspace) -> None:
    prepare()
    append(workspace, SOURCE, "/* mine */\n")
    _, observer = prepare()
    assert observer.made() == 1 and observer.files[KO].endswith(b"/* mine */\n")


def test_what_was_built_before_is_taken_also_in_another_guest(
    prepare: Prepare, bench: Bench, workspace: Workspace
) -> None:
    _, first = prepare()
    bench.drop()
    _, second = prepare()
    assert second is not first and second.files[KO] == first.files[KO]
    assert not [words for words in second.said if words == ("make", "modules")]
    append(workspace, SOURCE, "/* mine */\n")
    prepare()
    (workspace.folder / SOURCE).write_bytes(first.files["/submission/kernel/monitor.c"])
    _, observer = prepare()
    assert observer.made() == 0 and observer.files[KO] == first.files[KO]


def test_one_that_does_not_build_is_not_replaced_by_its_elder(prepare: Prepare, workspace: Workspace) -> None:
    prepare()
    append(workspace, SOURCE, "#error mine\n")
    session, observer = prepare()
    assert session.built is not None and session.built.module.path == "" and KO not in observer.files
    assert session.built.engine.path
    assert len(session.built.module.attempts) == 1


def test_a_guest_that_was_not_given_back_is_not_used_again(prepare: Prepare, bench: Bench) -> None:
    _, first = prepare()
    bench.lease()
    assert bench.lease().observer is not first and bench.there == {}


def test_words_never_come_again(bench: Bench, workspace: Workspace) -> None:
    work = works.read(workspace)
    words = {
        WorkspaceSession.of(bench, work, "seed", token).nonce() for token in ("a", "b") for _ in range(2)
    }
    assert len(words) == 2
    assert all(posixpath.basename(word) == word and len(word) < 20 for word in words)


def test_what_cannot_be_kept_leaves_no_draft(tmp_path: Path) -> None:
    store, product = Store(tmp_path), Product("/submission/engine", "engine", ())
    store.keep("engine", "sources", product, b"\x7fELF")
    (kept,) = tmp_path.glob("*.bin")
    kept.unlink()
    kept.mkdir()
    before = sorted(tmp_path.iterdir())
    store.keep("engine", "sources", product, b"\x7fELF")
    assert sorted(tmp_path.iterdir()) == before and store.find("engine", "sources") is None
