"""What is graded of a submission, and why, in the shapes in which submissions come."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions.first_commit import FirstCommit
from grading.submissions.found import Submission
from grading.submissions.sources import Source
from grading.submissions.starters import Starters
from grading.submissions.taking import Choice, Selection, take
from grading.submissions.tree import Tree, opened
from lab.errors import LabError

Write = Callable[[str, str], Path]

SKELETON = r"""
#include <stdio.h>
#include <string.h>
static int usage(void) { fprintf(stderr, "usage: engine supervisor|start|run|ps|logs|stop\n"); return 1; }
int main(int argc, char **argv) {
    if (argc < 2) return usage();
    fprintf(stderr, "%s is not implemented yet\n", argv[1]);
    return 1;
}
"""
WORK = (
    SKELETON.replace("is not implemented yet", "")
    + r"""
#define _GNU_SOURCE
#include <sched.h>
static int child(void *all) { return all == 0; }
int go(char *stack, int size) { return clone(child, stack + size, CLONE_NEWPID | CLONE_NEWNS, 0); }
"""
    + "".join(f"int step{n}(int a) {{ return a * {n} + a / ({n} + a) - {n}; }}\n" for n in range(20))
)
WORKLOAD = "int main(void) { for (;;) ; }\n"
MODULE_SKELETON = r"""
#include <linux/module.h>
static int __init start(void) { pr_info("[container_monitor] Module loaded. Device\n"); return 0; }
static void __exit stop(void) { /* TODO: free the list */ }
module_init(start); module_exit(stop); MODULE_LICENSE("GPL");
"""
MODULE = MODULE_SKELETON + "".join(f"static long ask{n}(long a) {{ return a * {n}; }}\n" for n in range(20))
MAKEFILE = "obj-m += monitor.o\nall: engine module\nmodule:\n\tmake -C x\nengine: engine.c\n\tgcc -o engine engine.c\n"


def chosen(folder: Path, starters: Starters | None = None, **named: str | None) -> Selection:
    return take(Tree(folder), starters=starters, **named)


def engine(folder: Path, starters: Starters | None = None) -> Choice:
    choice = chosen(folder, starters).engine
    assert choice is not None
    return choice


def monitor(folder: Path, starters: Starters | None = None) -> Choice:
    choice = chosen(folder, starters).monitor
    assert choice is not None
    return choice


def given(*texts: str) -> Starters:
    return Starters().and_of(Source(f"{n}.c", text, "c") for n, text in enumerate(texts))


def labels(choice: Choice) -> list[str]:
    return [attempt.label for attempt in choice.attempts]


def test_the_usual_layout(write: Write) -> None:
    for name, text in {
        "engine.c": WORK,
        "monitor.c": MODULE,
        "cpu_hog.c": WORKLOAD,
        "Makefile": MAKEFILE,
    }.items():
        folder = write(name, text)
    selection = chosen(folder)
    assert selection.engine is not None and selection.monitor is not None
    assert selection.language == "c" and selection.reasons == ()
    assert (selection.engine.folder, selection.engine.entry) == (".", "engine.c")
    assert selection.engine.makefile == "Makefile"
    assert selection.engine.targets == ("all", "module", "engine")
    assert labels(selection.engine) == ["make", "make -k", "make engine", "gcc"]
    assert selection.engine.products[0] == "engine"
    assert selection.monitor.entry == "monitor.c"
    assert labels(selection.monitor) == [
        *("make", "make module", "make all", "the kernel's make"),
        "the kernel's make with a Kbuild of ours",
    ]
    assert selection.monitor.products[0] == "monitor.ko"
    assert selection.engine.reasons[0].startswith("taken engine.c")


def test_work_in_src_beside_the_skeleton(write: Write) -> None:
    for name in ("engine.c", "monitor.c"):
        write(f"boilerplate/{name}", SKELETON if name == "engine.c" else MODULE_SKELETON)
        folder = write(f"src/{name}", WORK if name == "engine.c" else MODULE)
    for starters in (None, given(SKELETON, MODULE_SKELETON)):
        assert engine(folder, starters).entry == "src/engine.c"
        assert monitor(folder, starters).entry == "src/monitor.c"
    lines = WORK.count("\n")
    assert engine(folder, given(SKELETON)).reasons[0] == (
        f"taken src/engine.c ({lines} lines) over boilerplate/engine.c, which is the untouched skeleton"
    )


def test_work_in_boilerplate_itself(write: Write) -> None:
    write("src/engine.c", SKELETON)
    folder = write("boilerplate/engine.c", WORK)
    assert engine(folder).entry == "boilerplate/engine.c"


def test_a_long_skeleton_never_beats_short_work(write: Write) -> None:
    long = SKELETON + "int filler(int a) { return a + a * a - a; }\n" * 200
    write("engine.c", long)
    folder = write("old/attempt.c", WORK)
    assert engine(folder, given(long)).entry == "old/attempt.c"


def test_a_longer_program_that_says_it_is_unfinished_gives_way(write: Write) -> None:
    write(
        "a/engine.c",
        WORK.replace('"%s \\n"', '"%s is not implemented yet\\n"') + "int more(int a) { return a + 1; }",
    )
    folder = write("b/engine.c", WORK)
    choice = engine(folder)
    assert choice.entry == "b/engine.c"
    assert "which says of itself that something is not implemented" in choice.reasons[0]


def test_only_the_skeleton_is_taken_and_named(write: Write) -> None:
    folder = write("boilerplate/engine.c", "/* reformatted */" + SKELETON)
    choice = engine(folder, given(SKELETON))
    assert choice.untouched
    assert "it is the untouched skeleton, and there is nothing else" in choice.reasons[0]
    assert not engine(folder).untouched


@pytest.mark.parametrize("lies_open", [True, False])
@pytest.mark.parametrize("handed_in", ["folder", "archive"])
def test_an_archive_beside_the_work(lies_open: bool, handed_in: str, write: Write, tmp_path: Path) -> None:
    """A zip of an earlier stand, somewhat longer, gives way; but real work in one beats a skeleton in the open."""
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "engine.c").write_text(WORK + "int later(int a) { return a + 1; }\n")
    folder = write("boilerplate/engine.c", WORK if lies_open else SKELETON)
    shutil.make_archive(str(folder / "boilerplate" / "project_files"), "zip", packed)
    source = folder
    if handed_in == "archive":
        source = Path(shutil.make_archive(str(tmp_path / "alice"), "zip", tmp_path, folder.name))
    with opened(Submission("alice", source), tmp_path / "work") as tree:
        found = take(tree, starters=given(SKELETON)).engine
    assert found is not None
    if lies_open:
        assert found.entry == "boilerplate/engine.c"
        assert "over boilerplate/project_files/engine.c, which came out of an archive" in found.reasons[0]
    else:
        assert found.entry == "boilerplate/project_files/engine.c"
        assert "over boilerplate/engine.c, which is the untouched skeleton" in found.reasons[0]


def test_a_skeleton_with_a_word_changed_is_told(write: Write) -> None:
    folder = write("engine.c", WORK.replace("step7", "step_seven"))
    choice = engine(folder, given(WORK))
    assert not choice.untouched
    assert "tokens are not what the class was given" in choice.reasons[1]
    assert not any("was given" in reason for reason in engine(folder, given(SKELETON)).reasons)


def test_the_first_commit_decides_between_two(write: Write) -> None:
    write("a/engine.c", WORK + "int more(int a) { return a + 1; }")
    folder = write("b/engine.c", WORK)
    first = FirstCommit("1" * 40, (Source("a/engine.c", WORK + "int more(int a) { return a + 1; }", "c"),))
    assert engine(folder).entry == "a/engine.c"
    choice = engine(folder, Starters().for_submission(first))
    assert choice.entry == "b/engine.c"
    assert "which is as in the first commit" in choice.reasons[0]


def test_of_numbered_steps_the_last_with_its_own_monitor(write: Write) -> None:
    for number in (1, 2, 9, 10):
        write(f"task{number}/engine.c", WORK)
        folder = write(f"task{number}/monitor.c", MODULE)
    assert engine(folder).entry == "task10/engine.c"
    assert monitor(folder).entry == "task10/monitor.c"
    assert "which is the same" in engine(folder).reasons[0]


def test_of_two_equal_monitors_the_one_beside_the_engine(write: Write) -> None:
    write("a/monitor.c", MODULE)
    write("b/monitor.c", MODULE)
    folder = write("b/engine.c", WORK)
    assert monitor(folder).entry == "b/monitor.c"


def test_engine_and_module_apart_and_under_other_names(write: Write) -> None:
    write("user space/runtime.c", WORK)
    write("user space/test_runtime.c", WORK[:-80])
    write("driver/memwatch.c", MODULE)
    write("driver/Makefile", "obj-m := memwatch.o\ndefault:\n\tx\n")
    folder = write("docs/x.txt", "")
    assert engine(folder).entry == "user space/runtime.c"
    assert labels(engine(folder)) == ["gcc"]
    assert monitor(folder).folder == "driver"
    assert monitor(folder).products[:3] == (
        "driver/monitor.ko",
        "driver/memwatch.ko",
        "driver/submitted_monitor.ko",
    )


def test_an_engine_of_several_files(write: Write) -> None:
    write(
        "src/main.c",
        '#include "cli/usage.h"\n#include "table.c"\nint main(int c, char **v) { return usage(c, v); }',
    )
    write("src/cli/usage.h", "int usage(int c, char **v);")
    write("src/cli/usage.c", WORK.replace("int main", "int usage"))
    write("src/table.c", "int table;")
    write("src/helper.c", '#include "../common/list.h"\n')
    write("common/list.h", "struct list;")
    write("common/list.c", "struct list { int x; };")
    write("common/other.c", "int other;")
    write("src/tools/gen.c", WORKLOAD)
    write("src/cpu_hog.c", WORKLOAD)
    write("src/monitor.c", MODULE)
    folder = write("Makefile", "engine:\n\tx\n")
    # `main` itself knows no command; its other files do. Its name says nothing.
    write(
        "src/main.c",
        '#include "cli/usage.h"\n#include "table.c"\nint main(int c, char **v) { return usage(c, v, "run"); }',
    )
    choice = engine(folder)
    assert choice.entry == "src/main.c" and choice.folder == "."
    gcc = choice.attempts[-1]
    assert gcc.folder == "src"
    sources = {argument for argument in gcc.argv if argument.endswith(".c")}
    assert sources == {"main.c", "helper.c", "cli/usage.c", "../common/list.c"}
    assert "-I../common" in gcc.argv and "-pthread" in gcc.argv


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_gcc_takes_what_is_given_to_it(write: Write) -> None:
    """Our own few lines, compiled here: the command is right."""
    write(
        "src/main.c",
        '#include "cli/usage.h"\nint main(int c, char **v) { (void)"start run ps"; return usage(c, v); }',
    )
    write("src/cli/usage.h", "int usage(int c, char **v);")
    write("src/-l.c", "int strange;")
    folder = write("src/cli/usage.c", "int usage(int c, char **v) { return v[c] != 0; }")
    gcc = engine(folder).attempts[-1]
    subprocess.run(gcc.argv, cwd=folder / gcc.folder, check=True, timeout=60)
    subprocess.run([folder / "src" / "engine"], check=True, timeout=10)


def test_a_module_of_several_files_gets_a_kbuild(write: Write) -> None:
    write("kernel/monitor.c", '#include "list.h"\n' + MODULE)
    write("kernel/list.h", "struct entry;")
    write("kernel/list.c", '#include <linux/slab.h>\n#include "../abi/ioctl.h"\n')
    write("kernel/test_list.c", WORKLOAD)
    write("abi/ioctl.c", "int for_user_space;")
    folder = write("abi/ioctl.h", "#define X 1")
    last = monitor(folder).attempts[-1]
    assert last.folder == "kernel"
    assert last.writes == (
        (
            "Kbuild",
            "obj-m := submitted_monitor.o\nsubmitted_monitor-y := monitor.o list.o\n"
            "ccflags-y := -I$(src)/. -I$(src)/../abi\n",
        ),
    )


def test_workloads_and_tests_are_no_engine(write: Write) -> None:
    write("cpu_hog.c", WORKLOAD)
    folder = write("module.c", MODULE.replace("container_monitor", "hello"))
    selection = chosen(folder)
    assert selection.engine is None and selection.monitor is None
    assert "no program in C or Python that knows supervisor" in selection.reasons[0]
    assert "no kernel module" in selection.reasons[1]


def test_compiled_programs_alone_are_not_graded(write: Write) -> None:
    folder = write("README.md", "")
    (folder / "engine").write_bytes(b"\x7fELF")
    (folder / "monitor.ko").write_bytes(b"\x7fELF")
    (folder / "monitor.mod.c").write_text(MODULE)
    reasons = chosen(folder).reasons
    assert "engine is compiled already" in reasons[0] and "monitor.ko is compiled already" in reasons[1]


def test_main_in_a_comment_or_a_call_is_no_program(write: Write) -> None:
    text = WORK.replace(
        "int main(int argc, char **argv) {",
        "/* int main(void) { } */ int other(int argc, char **argv) { main(1); ",
    )
    assert chosen(write("engine.c", text)).engine is None


PYTHON = (
    '#!/usr/bin/env python3\n"""engine"""\nimport sys\nsys.exit(sys.argv[1] in ("supervisor", "start"))\n'
)
PACKAGE = "import os\nCOMMANDS = {'start': 1, 'run': 2, 'ps': 3, 'logs': 4, 'stop': 5}\nos.fork()\n"


def test_the_layout_of_this_kit(write: Write) -> None:
    write("runtime/engine", PYTHON)
    write("runtime/supervisor/__init__.py", "")
    write("runtime/supervisor/__main__.py", PACKAGE)
    write("runtime/init/Makefile", "all:\n\tx\n")
    write("runtime/workloads/Makefile", "all:\n\tx\n")
    write("kernel/Makefile", "modules:\n\tx\n")
    write("kernel/Kbuild", "obj-m := monitor.o\n")
    folder = write("kernel/monitor.c", MODULE)
    choice = engine(folder)
    assert (choice.language, choice.entry, choice.folder) == ("python", "runtime/engine", "runtime")
    assert choice.products == ("runtime/engine",)
    assert [(attempt.argv, attempt.folder) for attempt in choice.attempts] == [(("make",), "runtime/init")]
    assert chosen(folder).language == "python"
    assert labels(monitor(folder))[:3] == ["make", "make modules", "the kernel's make"]


def test_this_kits_own_runtime_and_kernel(tmp_path: Path) -> None:
    checkout = Path(__file__).parents[4]
    for name in ("runtime", "kernel"):
        shutil.copytree(checkout / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    selection = chosen(tmp_path)
    assert selection.engine is not None and selection.engine.entry == "runtime/engine"
    assert selection.monitor is not None and selection.monitor.entry == "kernel/monitor.c"


def test_a_python_engine_beside_a_shell_script(write: Write) -> None:
    write("engine", "#!/bin/sh\nexec python3 my_engine.py supervisor start run ps logs stop\n")
    folder = write("my_engine.py", PYTHON + PACKAGE)
    assert engine(folder).entry == "my_engine.py"


def test_of_one_packages_programs_the_one_called_engine(write: Write) -> None:
    write("cli.py", PYTHON + PACKAGE)
    folder = write("engine.py", PYTHON + PACKAGE)
    assert engine(folder).entry == "engine.py"


def test_submission_toml_comes_first(write: Write) -> None:
    write("src/engine.c", WORK)
    write("second/engine.c", SKELETON)
    write("second/Makefile", "fast:\n\tx\n")
    folder = write(
        "submission.toml",
        '[engine]\nfolder = "second"\nbuild = ["make fast", "strip out/e"]\nprogram = "out/e"\n',
    )
    choice = engine(folder)
    assert (choice.folder, choice.entry, choice.targets) == ("second", "second/engine.c", ("fast",))
    assert choice.products[0] == "second/out/e"
    assert [attempt.argv for attempt in choice.attempts] == [("sh", "-e", "-c", "make fast\nstrip out/e")]
    assert choice.reasons[0] == "submission.toml says so"


def test_submission_toml_may_build_what_is_not_recognised(write: Write) -> None:
    write("src/Engine.inc", "generated")
    folder = write("submission.toml", '[engine]\nfolder = "src"\nbuild = ["make"]\nprogram = "engine"\n')
    choice = engine(folder)
    assert (choice.folder, choice.entry, choice.products) == ("src", "", ("src/engine",))


def test_the_instructor_comes_before_it(write: Write) -> None:
    write("src/engine.c", WORK)
    write("other/hello.c", WORKLOAD)
    folder = write("submission.toml", '[engine]\nfolder = "src"\n')
    for path in ("other", "other/hello.c", "./other/"):
        choice = chosen(folder, engine=path).engine
        assert choice is not None and choice.entry == "other/hello.c"
        assert choice.reasons[0] == f"--engine {path} was given"


@pytest.mark.parametrize(
    ("path", "said"),
    [("none", "there is no none in the submission"), ("../x", "does not stay"), ("/etc", "not stay")],
)
def test_a_path_that_is_not_there(path: str, said: str, write: Write) -> None:
    folder = write("engine.c", WORK)
    with pytest.raises(LabError, match=said):
        chosen(folder, monitor=path)


def test_the_reference_stands_in(write: Write) -> None:
    folder = write("engine.c", WORK)
    selection = chosen(folder, monitor="reference")
    assert selection.monitor is not None and selection.monitor.reference
    assert selection.engine is not None and not selection.engine.reference
    assert selection.reasons == ()


def test_many_candidates_are_told_briefly(write: Write) -> None:
    for number in range(30):
        folder = write(f"v{number}/engine.c", WORK + f"int v{number};")
    choice = engine(folder)
    assert len(choice.reasons[0]) < 800
    assert "and 25 more" in choice.reasons[0]
