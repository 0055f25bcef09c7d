"""What of a Makefile's default goal is whose, and when nothing is understood of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions.parts import Parts, parts

Write = Callable[[str, str], Path]

KBUILD = "\t$(MAKE) -C $(KDIR) M=$(PWD) modules\n"
COURSE = (
    "obj-m += monitor.o\nKDIR := /lib/modules/$(shell uname -r)/build\nPWD := $(shell pwd)\n"
    "USER := engine memory_hog cpu_hog io_pulse\nall: $(USER) module\nmodule: monitor.ko\n"
    "engine: engine.c\n\tgcc -o engine engine.c\n"
    "memory_hog: memory_hog.c\n\tgcc -static -o $@ $<\n"
    f"monitor.ko: monitor.c\n{KBUILD}"
    f"clean:\n\t$(MAKE) -C $(KDIR) M=$(PWD) clean\n.PHONY: all module\n"
)


def test_the_courses_makefile(write: Write) -> None:
    assert parts(write("Makefile", COURSE)) == Parts(("engine",), ("module",), True)


def test_what_has_another_name_goes_with_the_engine(write: Write) -> None:
    text = (
        COURSE.replace("all: $(USER)", "all: $(USER) shim helper.sh |")
        + "shim: shim.c\n\tgcc -o shim shim.c\n"
    )
    assert parts(write("Makefile", text)).engine == ("engine", "shim", "helper.sh")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("all: $(USER)", "all: clean $(USER)", id="order matters"),
        pytest.param("all: $(USER)", "all: $(wildcard x) $(USER)", id="a goal is computed"),
        pytest.param("engine: engine.c\n", "engine: engine.c\n\tmake -C sub\n", id="descends"),
        pytest.param("engine: engine.c", "engine: engine.c monitor.ko", id="the engine needs the module"),
        pytest.param(
            "monitor.ko: monitor.c", "monitor.ko: monitor.c engine", id="the module needs the engine"
        ),
        pytest.param("obj-m", "include more.mk\nobj-m", id="more rules elsewhere"),
        pytest.param("obj-m", "$(eval $(call rule,x))\nobj-m", id="rules that are computed"),
    ],
)
def test_what_is_not_understood_has_no_parts(before: str, after: str, write: Write) -> None:
    assert before in COURSE
    assert parts(write("Makefile", COURSE.replace(before, after))) == Parts()


def test_what_both_need_is_made_once(write: Write) -> None:
    text = COURSE.replace("engine: engine.c", "engine: abi.h").replace(
        "monitor.ko: monitor.c", "monitor.ko: abi.h"
    )
    assert parts(write("Makefile", text + "abi.h: abi.in\n\tcp $< $@\n")) == Parts()
    assert parts(write("Makefile", text)).module_apart, "a source is no target"


def test_a_module_whose_recipe_compiles_is_not_apart(write: Write) -> None:
    text = COURSE.replace("monitor.ko: monitor.c\n", "monitor.ko: monitor.c\n\tgcc -o engine engine.c\n")
    assert parts(write("Makefile", text)) == Parts(("engine",), ("module",), False)


def test_commands_of_the_goal_itself_stay_together(write: Write) -> None:
    text = COURSE.replace("all: $(USER) module\n", f"all: $(USER) module\n\tcp engine bin/\n{KBUILD}")
    assert parts(write("Makefile", text)) == Parts()


def test_a_named_default_goal(write: Write) -> None:
    text = f"modules clean:\n{KBUILD}.DEFAULT_GOAL := modules\n"
    assert parts(write("Makefile", text)) == Parts((), ("modules",), True)


def test_no_makefile(tmp_path: Path) -> None:
    assert parts(tmp_path) == Parts()
