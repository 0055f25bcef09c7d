"""What is taken where a submission does not show what is what, and what is said of the files that are not taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions.first_commit import FirstCommit
from grading.submissions.found import Submission
from grading.submissions.making import making
from grading.submissions.sources import Source, sources
from grading.submissions.starters import Starters
from grading.submissions.taking import take
from grading.submissions.tree import opened
from tests.unit.grading.submissions.test_taking import (
    MODULE,
    MODULE_SKELETON,
    SKELETON,
    WORK,
    WORKLOAD,
    chosen,
    engine,
    given,
    monitor,
)

Write = Callable[[str, str], Path]

BEGINNING = (
    '#include <string.h>\nint main(int c, char **v) { return c < 2 || strcmp(v[1], "start"); }\n'
    + "".join(f"int part{n}(int a) {{ return a * {n}; }}\n" for n in range(20))
)
"""A program that knows one command."""

BY_NAME = MODULE.replace("module_init(start); module_exit(stop);", "").replace(
    "static int __init start(void)", "int init_module(void)"
)
"""A module whose functions have the names that the macros would make."""

LICENCE = 'MODULE_LICENSE("GPL");'


@pytest.mark.parametrize(
    "text",
    [
        BY_NAME,
        BY_NAME.replace(LICENCE, ""),
        MODULE.replace(LICENCE, ""),
        MODULE.replace("module_init(start); module_exit(stop);", "module_misc_device(container);"),
        MODULE.replace("module_init(start); module_exit(stop);", "module_platform_driver(container);"),
        MODULE.replace("module_init(start); module_exit(stop);", ""),
    ],
)
def test_what_makes_a_module_one(text: str, write: Write) -> None:
    assert text != MODULE
    assert monitor(write("memwatch.c", text)).entry == "memwatch.c"


def test_a_program_that_loads_modules_is_none(write: Write) -> None:
    text = '#include <linux/kernel.h>\nint main(void) { return init_module("container_monitor"); }\n'
    assert chosen(write("load.c", text)).monitor is None


def test_what_a_makefile_hands_to_kbuild_is_a_module(write: Write) -> None:
    write("watch.c", '#include <linux/init.h>\nstatic const char *name = "container_monitor";\n')
    folder = write("other.c", '#include <linux/slab.h>\nstatic const char *name = "container_monitor";\n')
    assert chosen(folder).monitor is None
    write("Kbuild", "obj-m += \\\n  watch.o\n")
    assert monitor(folder).entry == "watch.c"


def test_a_module_called_monitor_may_earn_what_it_does(write: Write) -> None:
    quiet = BY_NAME.replace("container_monitor", "mine")
    folder = write("monitor.c", quiet)
    choice = monitor(folder)
    assert choice.entry == "monitor.c"
    assert "it has neither ioctls nor container_monitor in it" in choice.reasons
    write("hello/hello.c", MODULE.replace("container_monitor", "hello"))
    assert monitor(folder).entry == "monitor.c"
    write("driver/watch.c", MODULE)
    assert monitor(folder).entry == "driver/watch.c"
    assert "over monitor.c, for which less speaks" in monitor(folder).reasons[0]


@pytest.mark.parametrize("text", [BY_NAME, "int nothing_of_a_module;\n"])
def test_a_monitor_that_is_named_is_believed(text: str, write: Write) -> None:
    write("boilerplate/engine.c", WORK)
    folder = write("boilerplate/monitor.c", text.replace("container_monitor", "x"))
    choice = chosen(folder, monitor="boilerplate/monitor.c").monitor
    assert choice is not None and choice.entry == "boilerplate/monitor.c"


def test_an_engine_that_is_named_is_believed(write: Write) -> None:
    """Even without `main`: what the compiler says of it is worth more than that nothing was found."""
    write("src/cpu_hog.c", WORKLOAD)
    folder = write("src/engine.c", WORK.replace("int main", "int no_longer"))
    for path in ("src/engine.c", "src"):
        choice = chosen(folder, engine=path).engine
        assert choice is not None
        assert (choice.entry, choice.sources) == ("src/engine.c", ("engine.c",))


@pytest.mark.parametrize("text", [BEGINNING, BEGINNING.replace('"start"', '"nothing"')])
def test_of_what_lies_in_a_named_folder_the_one_called_engine(text: str, write: Write) -> None:
    write("src/a.c", WORKLOAD + "int longer;" * 200)
    write("src/cpu_hog.c", WORKLOAD)
    choice = chosen(write("src/engine.c", text), engine="src").engine
    assert choice is not None and choice.entry == "src/engine.c"


@pytest.mark.parametrize(
    ("name", "makefile"),
    [
        ("engine.c", ""),
        ("my_engine.c", ""),
        ("runtime.c", "CFLAGS = -O2\nall: engine\nengine: runtime.c\n\tgcc -o engine runtime.c\n"),
        ("runtime.c", "OBJS = build/runtime.o\nbin/engine: $(OBJS)\n\tgcc -o $@ $^\n"),
        ("runtime.c", "all:\n\tgcc runtime.c -o engine\n"),
    ],
)
def test_a_program_called_engine_may_earn_what_it_does(name: str, makefile: str, write: Write) -> None:
    write("memory_hog.c", WORKLOAD)
    folder = write(name, BEGINNING)
    if makefile:
        assert chosen(folder).engine is None
        write("Makefile", makefile)
    choice = engine(folder)
    assert choice.entry == name
    assert "of the commands it knows only start" in choice.reasons
    write("other/mine.c", WORK.replace("int step19", "int last"))
    assert engine(folder).entry == "other/mine.c"
    assert (
        f"over {name}, for which less speaks: of the commands it knows only start"
        in engine(folder).reasons[0]
    )


def test_a_test_of_the_engine_is_not_called_engine(write: Write) -> None:
    assert chosen(write("test_engine.c", BEGINNING)).engine is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "engine.c",
            BEGINNING.replace('"start"', '"nothing"'),
            "is a program, but knows none of the commands",
        ),
        ("mine.c", BEGINNING, "is a program, but knows of the commands only start"),
        ("engine.c", WORK.replace("int main", "int no_longer"), "has no main()"),
        ("engine.py", "COMMANDS = ('start', 'run', 'ps')\n", "is not meant to be run"),
    ],
)
def test_why_there_is_no_engine_names_the_file(name: str, text: str, said: str, write: Write) -> None:
    write("src/cpu_hog.c", WORKLOAD)
    selection = chosen(write(f"src/{name}", text))
    assert selection.engine is None
    (reason,) = selection.why("engine")
    assert f"src/{name} {said}" in reason and "`--engine PATH`" in reason and "cpu_hog" not in reason
    assert selection.reasons == (reason, *selection.why("monitor"))


def test_why_there_is_no_monitor_names_the_file(write: Write) -> None:
    write("a/hello.c", MODULE.replace("container_monitor", "hello"))
    folder = write("b/monitor.c", "int nothing_of_a_module;\n")
    selection = chosen(folder)
    assert selection.monitor is None
    (reason,) = selection.why("monitor")
    assert "a/hello.c is a kernel module, but not called monitor" in reason
    assert "b/monitor.c has neither a licence" in reason and "`--monitor PATH`" in reason
    assert "hello" not in selection.why("engine")[0]


def test_a_class_of_programs_is_told_briefly(write: Write) -> None:
    for number in range(30):
        folder = write(f"v{number}/tool.c", BEGINNING)
    (reason,) = chosen(folder).why("engine")
    assert len(reason) < 500 and "; and 27 more;" in reason


def test_work_in_doubt_comes_before_the_untouched_skeleton(write: Write) -> None:
    write("engine.c", SKELETON)
    folder = write("my_engine.c", BEGINNING)
    choice = engine(folder, given(SKELETON))
    assert choice.entry == "my_engine.c" and not choice.untouched
    assert "over engine.c, which is the untouched skeleton" in choice.reasons[0]


def test_also_where_only_the_first_commit_shows_the_skeleton(write: Write) -> None:
    write("engine.c", SKELETON)
    folder = write("my_engine.c", BEGINNING)
    first = FirstCommit("1" * 40, (Source("engine.c", SKELETON, "c"),))
    choice = engine(folder, Starters().for_submission(first))
    assert choice.entry == "my_engine.c"
    assert "over engine.c, which is as in the first commit" in choice.reasons[0]


def test_what_lies_beside_the_untouched_skeleton_is_named(write: Write) -> None:
    write("engine.c", SKELETON)
    write("monitor.c", MODULE_SKELETON)
    write("watch.c", MODULE.replace("container_monitor", "mine"))
    folder = write("runtime.c", BEGINNING)
    starters = given(SKELETON, MODULE_SKELETON)
    choice = engine(folder, starters)
    assert (choice.entry, choice.untouched) == ("engine.c", True)
    assert "there is nothing else" not in choice.reasons[0]
    assert choice.reasons[1].startswith(
        "not taken: runtime.c is a program, but knows of the commands only start"
    )
    assert monitor(folder, starters).untouched
    assert "not taken: watch.c is a kernel module, but" in monitor(folder, starters).reasons[1]


def test_a_skeleton_in_doubt_is_no_work(write: Write) -> None:
    choice = engine(write("engine.c", BEGINNING), given(BEGINNING))
    assert choice.untouched and "it is the untouched skeleton" in choice.reasons[0]


def test_what_a_makefile_names_is_only_read(write: Write) -> None:
    write("src/main.c", WORKLOAD)
    write("src/deep/main.c", WORKLOAD)
    write("kernel/a.c", "")
    write("kernel/Makefile", "obj-m := a.o $(shell touch x).o ../../b.o\n")
    folder = write(
        "src/Makefile", "engine: main.o /etc/x.c ../../y.c\n\t$(CC) -o $@ $^\nother: other.c\n\tx\n"
    )
    made = making(folder, sources(folder))
    assert made.engine == {"src/main.c"} and made.module == {"kernel/a.c"}


def test_submission_toml_means_no_skeleton_where_there_is_work(write: Write) -> None:
    """As where it came with the skeleton, and the work was done beside it."""
    write("boilerplate/engine.c", SKELETON)
    write("src/engine.c", WORK)
    folder = write("submission.toml", '[engine]\nfolder = "boilerplate"\n')
    choice = engine(folder, given(SKELETON))
    assert choice.entry == "src/engine.c" and not choice.untouched
    assert choice.reasons[0] == "submission.toml means boilerplate/engine.c, which is the untouched skeleton"


def test_what_submission_toml_builds_of_the_skeletons_folder_is_its_word(write: Write) -> None:
    write("boilerplate/engine.c", SKELETON)
    write("src/engine.c", WORK)
    folder = write("submission.toml", '[engine]\nfolder = "boilerplate"\nbuild = ["make -C ../src"]\n')
    assert engine(folder, given(SKELETON)).folder == "boilerplate"


@pytest.mark.parametrize("folder", ["my work", "src (1)"])
def test_a_folder_that_was_renamed_is_still_the_one_that_is_meant(
    folder: str, write: Write, tmp_path: Path
) -> None:
    """make takes no space in a name, so the tree has another than the student and the instructor know."""
    write(f"{folder}/engine.c", WORK)
    source = write(
        "submission.toml",
        f'[engine]\nfolder = "{folder}"\nbuild = ["make"]\nprogram = "{folder}/an engine"\n',
    )
    renamed = folder.translate(str.maketrans(" ()", "___"))
    with opened(Submission("ann", source), tmp_path / "opened") as tree:
        said = take(tree).engine
        named = take(tree, engine=f"{folder}/engine.c").engine
    assert said is not None and said.folder == renamed
    assert said.products[:2] == (
        f"{renamed}/{folder}/an engine",
        f"{renamed}/{renamed}/an_engine",
    )
    assert named is not None and named.entry == f"{renamed}/engine.c"
