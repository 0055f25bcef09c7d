"""Makefiles, `submission.toml`, and what an earlier build left."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.submissions import makefiles
from grading.submissions.declared import Declared, declared
from grading.submissions.leftovers import leftovers
from grading.submissions.parts import parts
from lab.errors import LabError

Write = Callable[[str, str], Path]

COURSE = """
obj-m += monitor.o
KDIR := /lib/modules/$(shell touch /tmp/ran; uname -r)/build
PROGRAMS = memory_hog \\
\tcpu_hog
PROGRAMS += engine
ifeq ($(A),b)
all: $(PROGRAMS) module
endif
ci: FLAGS =
ci: all
engine : engine.c  # a comment: with a colon
\tgcc -o engine engine.c
\tfalse: not a target
$(PROGRAMS) extra: common.h
%.o: %.c
define BLOCK
inside: x
endef
X ::= y
monitor.ko:: monitor.c
.PHONY: all
"""


def test_targets_of_a_makefile() -> None:
    assert makefiles.targets(COURSE) == (
        "all",
        "ci",
        "engine",
        "memory_hog",
        "cpu_hog",
        "extra",
        "monitor.ko",
    )


def test_nothing_in_it_is_run(write: Write) -> None:
    folder = write("Makefile", COURSE.replace("/tmp/ran", "ran"))
    read = makefiles.read(folder)
    assert read is not None and read.builds_module
    assert [path.name for path in folder.iterdir()] == ["Makefile"]


def test_the_makefile_that_make_takes(write: Write) -> None:
    folder = write("Makefile", "b:")
    assert makefiles.read(folder) == makefiles.Makefile("Makefile", ("b",))
    write("GNUmakefile", "a:")
    assert makefiles.read(folder) == makefiles.Makefile("GNUmakefile", ("a",))
    assert makefiles.read(folder.parent) is None


@pytest.mark.parametrize(
    "text",
    [
        "$(A) " * 700 + ":\n",
        "$(A) " * 50_000,
        " " * 250_000 + "x",
        "a" * 250_000,
        ":" * 100_000,
        "\\\n" * 90_000,
    ],
)
def test_no_makefile_takes_long(text: str) -> None:
    doubling = "A = x\n" + "A += $(A) $(A) $(A)\n" * 200
    began = time.process_time()
    makefiles.targets(doubling + text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "$(A):$(A)\n" * 200,
        "$(A):\n" + "\tx\n" * 5000,
        "\n" * 60_000,
        ".DEFAULT_GOAL=x" + " " * 60_000 + "y",
        "$(A):\n" + "\t$(A) $(A)\n" * 2000,
    ],
)
def test_no_makefile_fills_the_memory_or_takes_long(text: str, tmp_path: Path) -> None:
    names = " ".join(f"{number:03}" for number in range(1000))
    (tmp_path / "Makefile").write_text(f"A = {names}\n{text}")
    began = time.process_time()
    tracemalloc.start()
    try:
        makefiles.read(tmp_path)
        parts(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 5


@given(st.text(alphabet="ab$():=#\\\n\t %.+?!", max_size=120))
def test_any_text_may_be_a_makefile(text: str) -> None:
    for target in makefiles.targets(text):
        assert target and not target.startswith(".") and not set(target) & set(" \t\n%")


FULL = """
[engine]
folder = "my src"
build = ["make clean", "make engine"]
program = "build/engine"
[monitor]
folder = "kernel/"
module = "mon.ko"
"""


def test_submission_toml(write: Write) -> None:
    """Written with a space, which an opened tree has not."""
    write("my_src/a.c", "")
    write("kernel/a.c", "")
    folder = write("submission.toml", FULL)
    assert declared(folder) == {
        "engine": Declared("my_src", ("make clean", "make engine"), "build/engine"),
        "monitor": Declared("kernel", (), "mon.ko"),
    }


def test_paths_are_seen_from_the_file(write: Write) -> None:
    write("deep/wrapper/src/a.c", "")
    folder = write("deep/wrapper/submission.toml", '[engine]\nfolder = "src"\n')
    write("deep/wrapper/old/submission.toml", "nonsense")
    assert declared(folder) == {"engine": Declared("deep/wrapper/src")}
    assert declared(folder / "deep/wrapper/src") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engine", "is not valid TOML"),
        ("[engin]", "speaks of 'engin'; it may hold"),
        ("engine = 3", r"\[engine\] in submission.toml is no table"),
        ("[engine]\nmake = 'x'", "has 'make'; it may have folder, build, program"),
        ("[monitor]\nprogram = 'x'", "has 'program'; it may have folder, build, module"),
        ("[engine]\nfolder = '../x'", "does not stay inside"),
        ("[engine]\nfolder = '/etc'", "does not stay inside"),
        ("[engine]\nprogram = 'a/../../x'", "does not stay inside"),
        ("[engine]\nfolder = ''", "does not stay inside"),
        ("[engine]\nfolder = 'none'", "which is not there"),
        ("[engine]\nfolder = 3", "must be text"),
        (f"[engine]\nfolder = '{'x' * 300}'", "longer than the path of a file"),
        (f"[engine]\nprogram = '{'x/' * 3000}'", "longer than the path of a file"),
        ("[engine]\nbuild = 'make'", "must be a list of command lines"),
        ("[engine]\nbuild = [' ']", "must be a list of command lines"),
        ("x = " + "[" * 5000, "is not valid TOML"),
        ("x = " + "9" * 5000, "is not valid TOML"),
        ("#" * 70_000, "is longer than"),
    ],
)
def test_what_is_wrong_with_submission_toml(text: str, said: str, write: Write) -> None:
    folder = write("submission.toml", text)
    with pytest.raises(LabError, match=said) as raised:
        declared(folder)
    assert "submission.toml" in str(raised.value)
    assert "Correct the file" in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_it(write: Write) -> None:
    assert declared(write("submission.toml", "\ufeff[engine]\n")) == {"engine": Declared(".")}


def test_a_folder_as_submission_toml_is_none(write: Write) -> None:
    folder = write("submission.toml/x", "")
    assert declared(folder) == {}


def test_leftovers(write: Write) -> None:
    left = ["monitor.ko", "monitor.o", "monitor.mod", "monitor.mod.c", "modules.order", "Module.symvers"]
    left += [".monitor.ko.cmd", "..module-common.o.cmd", "x.pyc"]
    kept = [
        "engine.c",
        "monitor.h",
        "Makefile",
        "Kbuild",
        "run.sh",
        "order.c",
        "model",
        "a.mod.d",
        ".gitignore",
    ]
    for name in left + kept:
        folder = write(f"a b/{name}", "text")
    for name in ("engine", "engine_copy.bin"):
        (folder / name).write_bytes(b"\x7fELF\2\1\1")
    write(".tmp_versions/x.mod", "")
    write("p/__pycache__/x.txt", "")
    (folder / "dangling").symlink_to("/nowhere")
    found = {path.relative_to(folder).as_posix() for path in leftovers(folder)}
    assert found == {f"a b/{name}" for name in left} | {
        "engine",
        "engine_copy.bin",
        ".tmp_versions",
        "p/__pycache__",
    }
