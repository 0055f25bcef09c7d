"""In which order a session builds the halves, with a guest that only notes what it is asked to run."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grading.guest import delivery, kbuild
from grading.guest.observer import Observer
from grading.guest.records import FileStatus, Finished
from grading.halves import Half
from grading.session import Session
from grading.submissions.attempts import Attempt


class Pretender:
    """An observer whose `make GOAL` makes files appear; it says which programs ran at once."""

    def __init__(self, makes: dict[tuple[str, ...], list[str]], together: int = 1) -> None:
        self.makes = makes
        self.files: set[str] = set()
        self.ran: list[tuple[str, ...]] = []
        self.barrier = threading.Barrier(together, timeout=5)
        self.sent = b""

    def run(self, *words: str, stdin: bytes = b"", **more: Any) -> Finished:
        self.ran.append(words)
        self.sent = stdin or self.sent
        if words in self.makes:
            self.barrier.wait()
            self.files.update(self.makes[words])
        code = 0 if words in self.makes else 2
        return Finished(words, code << 8, b"", b"", 0, 0, 0.0, 1.0, False)

    def stat(self, path: str) -> FileStatus | None:
        return FileStatus("f", 0o755, 1, 1, 1, 0, 1) if path in self.files else None

    def read(self, path: str, **more: Any) -> bytes:
        return b"\x7fELF"

    def names(self, path: str) -> list[str]:
        return []

    def write(self, path: str, content: bytes, **more: Any) -> None:
        self.files.add(path)


def prepared(pretender: Pretender, engine: list[Attempt], module: list[Attempt]) -> Session:
    halves = [
        Half("submission", "/s", tuple(attempts), (product,))
        for attempts, product in ((engine, "/s/engine"), (module, "/s/monitor.ko"))
    ]
    session = Session(
        open_guest=cast("Any", None), tools=cast("Any", None), tree=None, left_behind=frozenset(),
        engine_half=halves[0], module_half=halves[1], level=1, seed="x",
    )  # fmt: skip
    session._prepare(cast("Any", SimpleNamespace(observer=pretender, kernel="6.12")))
    return session


def make(*goals: str, apart: bool = False) -> Attempt:
    return Attempt(" ".join(("make", *goals)), ("make", *goals), "/s", apart=apart)


def built(session: Session) -> tuple[str, str, str, str]:
    assert session.built is not None
    engine, module = session.built.engine, session.built.module
    return engine.path, engine.label, module.path, module.label


def test_what_is_apart_is_built_at_once() -> None:
    """The barrier lets nobody through until both run."""
    pretender = Pretender({("make", "engine"): ["/s/engine"], ("make", "module"): ["/s/monitor.ko"]}, 2)
    session = prepared(pretender, [make("engine", apart=True), make()], [make("module", apart=True), make()])
    assert built(session) == ("/s/engine", "make engine", "/s/monitor.ko", "make module")
    assert sorted(pretender.ran) == [("make", "engine"), ("make", "module")]


def test_one_that_is_not_apart_comes_after_the_other() -> None:
    pretender = Pretender({("make", "engine"): ["/s/engine"], ("make", "module"): ["/s/monitor.ko"]})
    session = prepared(pretender, [make("engine", apart=True)], [make("module")])
    assert built(session)[1::2] == ("make engine", "make module")
    assert pretender.ran == [("make", "engine"), ("make", "module")]


def test_where_the_parts_give_nothing_the_whole_is_made_as_before() -> None:
    pretender = Pretender({("make",): ["/s/engine", "/s/monitor.ko"]})
    session = prepared(pretender, [make("engine", apart=True), make()], [make("module", apart=True), make()])
    assert built(session)[1::2] == ("make", "make")
    assert sorted(pretender.ran[:2]) == [("make", "engine"), ("make", "module")]
    assert pretender.ran[2] == ("make",)
    assert session.built is not None
    assert [each.label for each in session.built.engine.attempts] == ["make engine", "make"]


def test_one_make_that_gives_both_runs_once() -> None:
    pretender = Pretender({("make",): ["/s/engine", "/s/monitor.ko"]})
    session = prepared(pretender, [make()], [make(), make("module")])
    assert built(session) == ("/s/engine", "make", "/s/monitor.ko", "make")
    assert pretender.ran == [("make",)]
    assert session.built is not None and "$ make" in session.built.module.words


def test_a_module_that_the_engines_make_left_is_not_taken_for_another_commands() -> None:
    pretender = Pretender({("make",): ["/s/engine", "/s/monitor.ko"], ("make", "module"): []})
    prepared(pretender, [make()], [make("module")])
    assert pretender.ran == [("make",), ("make", "module")]


def test_an_engine_for_an_older_compiler_does_not_cost_the_module_its_turn() -> None:
    pretender = Pretender({("make", "module"): ["/s/monitor.ko"]})
    session = prepared(pretender, [make("engine", apart=True)], [make("module", apart=True)])
    assert built(session)[2:] == ("/s/monitor.ko", "make module")
    assert [words[0] for words in pretender.ran].count("env") == 1
    assert pretender.ran.count(("make", "module")) == 1


def test_kbuild_is_told_once_for_each_folder_and_only_from_our_disk() -> None:
    pretender = Pretender({})
    kbuild.use(cast("Observer", pretender), "/tools", "6.12", ["/s", "/s", "/s/kernel"])
    assert pretender.ran == []
    pretender.files.add("/tools/kbuild/use.sh")
    kbuild.use(cast("Observer", pretender), "/tools", "6.12", ["/s", "/s", "/s/kernel"])
    assert pretender.ran == [("sh", "/tools/kbuild/use.sh", "6.12", "/s", "/s/kernel")]


@pytest.mark.parametrize("leave_out", [lambda path: False, lambda path: path == Path("sub/b.c")])
def test_what_no_build_reads_is_not_delivered(tmp_path: Path, leave_out: Callable[[Path], bool]) -> None:
    (tmp_path / "sub").mkdir()
    for name in (
        "a.c",
        "shot.PNG",
        "alpine-minirootfs-3.20.3-x86_64.tar.gz.1",
        "sub/b.c",
        "png.c",
        "notes.md",
    ):
        (tmp_path / name).write_text(name)
    unpack = ("tar", "-x", "-o", "-C", "/")
    pretender = Pretender({unpack: []})
    delivery.deliver(cast("Observer", pretender), tmp_path, "/reference/x", leave_out)
    assert pretender.ran == [unpack]
    with tarfile.open(fileobj=io.BytesIO(pretender.sent)) as archive:
        names = {member.name for member in archive if member.isfile()}
    kept = {"a.c", "png.c", "notes.md"} | (set() if leave_out(Path("sub/b.c")) else {"sub/b.c"})
    assert names == {f"reference/x/{name}" for name in kept}


def test_what_only_an_older_compiler_takes_is_told() -> None:
    def tried(label: str, said: bytes) -> delivery.Tried:
        return delivery.Tried(label, "/s", Finished(("make",), 512, b"", said, 0, 0, 0.0, 1.0, False))

    said = b"cc engine.c\nengine.c:819:5: error: passing argument 2 of 'open' makes integer from pointer\n"
    attempts = (
        tried("make all", b"no rule"),
        tried("make engine", said),
        tried("make engine" + delivery.OLDER, b""),
    )
    [words] = delivery.Product("/s/engine", attempts[-1].label, attempts).refusals
    assert "passing argument 2 of 'open'" in words and "no rule" not in words
    assert delivery.Product("/s/engine", "make engine", attempts[1:2]).refusals == ()
    assert delivery.Product("", "", attempts).refusals == ()


def test_a_makefile_that_hangs_is_not_made_again() -> None:
    """Each attempt has a minute and a half, and the checks come after it."""

    class Hanging(Pretender):
        def run(self, *words: str, stdin: bytes = b"", **more: Any) -> Finished:
            done = super().run(*words, stdin=stdin, **more)
            return replace(done, timed_out=words[0] == "make")

    gcc = Attempt("gcc", ("gcc", "-o", "engine"), "/s")
    elsewhere = Attempt("make", ("make",), "/s/src")
    pretender = Hanging({("gcc", "-o", "engine"): ["/s/engine"], ("make", "ko"): ["/s/monitor.ko"]})
    session = prepared(pretender, [make("all"), make(), make("-k"), elsewhere, gcc], [make("ko")])
    assert built(session)[:2] == ("/s/engine", "gcc")
    asked = [words for words in pretender.ran if words[0] in ("make", "gcc")]
    assert asked == [("make", "all"), ("make",), ("gcc", "-o", "engine"), ("make", "ko")]
