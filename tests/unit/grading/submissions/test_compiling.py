"""Which ways of building are left after one has failed, by what real compilers wrote."""

from __future__ import annotations

import time

import pytest

from grading.submissions import compiling
from grading.submissions.attempts import Attempt
from grading.submissions.compiling import errors_first

MAKE = Attempt("make monitor.ko", ("make", "monitor.ko"), "/submission")
ALL = Attempt("make", ("make",), "/submission")
ABOVE = Attempt("make in ..", ("make",), "/")
GCC = Attempt("gcc", ("gcc", "-o", "engine", "engine.c"), "/submission")
OURS = Attempt("the kernel's make with a Kbuild of ours", ("sh", "-c", "make -C …"), "/submission")
COMPILES = "make[1]: Entering directory '/usr/src/linux-headers-6.12'\n  CC [M]  monitor.o\n"


@pytest.mark.parametrize(
    ("said", "goes_on"),
    [
        (f"{COMPILES}monitor.c:12:5: error: implicit declaration of function [-Wimplicit-function-declaration]", False),
        (f"{COMPILES}/submission/monitor.c:12:5: error: 'x' undeclared (first use in this function)", False),
        (f"{COMPILES}monitor.c:3:1: error: no return [-Werror=return-type]", False),
        ('ERROR: modpost: "kallsyms_lookup_name" [/submission/monitor.ko] undefined!', False),
        # The submission's own flags, a header elsewhere, another file, another compiler:
        (f"{COMPILES}monitor.c:3:1: error: unused variable 'x' [-Werror=unused-variable]", True),
        (f"{COMPILES}monitor.c:3:1: error: the frame size is too large [-Werror=frame-larger-than=1024]", True),
        (f"{COMPILES}monitor.c:3:1: error: unused [-Werror]", True),
        (f"{COMPILES}monitor.c:3:10: fatal error: monitor_ioctl.h: No such file or directory", True),
        (f"{COMPILES}other.c:12:5: error: 'x' undeclared (first use in this function)", True),
        ("cc -c monitor.c\nmonitor.c:12:5: error: 'x' undeclared (first use in this function)", True),
        ("make: *** No rule to make target 'monitor.ko'.  Stop.", True),
        ("", True),
    ],
)  # fmt: skip
def test_a_module_that_no_kbuild_compiles_is_compiled_once(said: str, goes_on: bool) -> None:
    left = compiling.left("monitor", MAKE, said, ("monitor.c",), (ALL, OURS))
    assert left == ((ALL, OURS) if goes_on else ())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("engine.c:9:3: error: too few arguments to function 'clone'", (ABOVE, GCC)),
        ("src/engine.c:9:3: error: unused variable [-Werror=unused-variable]", (ABOVE, GCC)),
        ("memory_hog.c:9:3: error: too few arguments", (ALL, ABOVE, GCC)),
        ("engine.c:(.text+0x1): undefined reference to `pthread_create'", (ALL, ABOVE, GCC)),
        ("engine.c:9:3: warning: unused variable", (ALL, ABOVE, GCC)),
    ],
)
def test_an_engine_that_make_cannot_compile_is_not_asked_of_the_same_makefile(
    said: str, left: tuple[Attempt, ...]
) -> None:
    assert compiling.left("engine", MAKE, said, ("engine.c",), (ALL, ABOVE, GCC)) == left


def test_without_the_names_of_its_files_all_is_tried() -> None:
    said = f"{COMPILES}monitor.c:12:5: error: 'x' undeclared"
    assert compiling.left("monitor", MAKE, said, (), (ALL, OURS)) == (ALL, OURS)
    assert compiling.left("engine", MAKE, said, (), (ALL, GCC)) == (ALL, GCC)


def test_gcc_after_make_is_an_attempt_of_its_own() -> None:
    said = "engine.c:9:3: error: 'x' undeclared"
    assert compiling.left("engine", GCC, said, ("engine.c",), (ALL,)) == (ALL,)


NOISE = "".join(
    f"/usr/src/linux/include/linux/h{number}.h:{number}:8: note: declared here\n"
    f"  {number} | struct class *class_create(const char *name);\n"
    for number in range(40)
)


def test_what_is_short_is_shown_whole() -> None:
    assert (
        errors_first("engine.c:1:2: warning: unused\n  1 | int a;\n", 100)
        == "engine.c:1:2: warning: unused\n  1 | int a;"
    )


def test_the_errors_are_shown_where_it_is_long() -> None:
    error = "monitor.c:132:11: error: too many arguments\n  132 |     cls = class_create(THIS_MODULE);"
    unlinked = "/usr/bin/ld: a.o: in function `main':\nengine.c:(.text+0x9): undefined reference to `fork'"
    said = f"make -C /lib/modules\n{NOISE}{error}\n{NOISE}{unlinked}\nmake: *** [Makefile:7: all] Error 2\n"
    assert (
        errors_first(said, 1500)
        == f"{error}\n{unlinked.splitlines()[1]}\nmake: *** [Makefile:7: all] Error 2"
    )


def test_many_errors_are_cut_and_the_first_are_kept() -> None:
    said = "".join(f"engine.c:{line}:1: error: unknown type name\n" for line in range(200))
    shown = errors_first(said, 900)
    assert shown.startswith("engine.c:0:1: error") and shown.endswith(
        "engine.c:199:1: error: unknown type name"
    )
    assert len(shown) < 910


def test_words_without_an_error_are_cut() -> None:
    assert len(errors_first("no rule " * 500, 900)) < 910


def test_empty_lines_take_no_time() -> None:
    began = time.process_time()
    compiling.left("monitor", ALL, "\n" * 60_000, {"monitor.c"}, ())
    assert time.process_time() - began < 2
