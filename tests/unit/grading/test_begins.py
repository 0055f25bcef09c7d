"""Which sources may begin with what the kernel's build system has read ahead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from grading.guest import kbuild
from lab import paths

MODULE = "#include <linux/module.h>\n"
TAG = '#define pr_fmt(fmt) "[container_monitor] " fmt\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "monitor.c"


def begins(source: Path) -> str:
    done = subprocess.run(
        ["awk", "-f", kbuild.SOURCES / "begins.awk", source], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    "before",
    [
        "",
        "// SPDX-License-Identifier: GPL-2.0\n\n",
        "/* one */ /* two */\n/**\n * of several * lines **\n #include \"mine.h\"\n **/ #include <linux/fs.h>\n",
        "#include <linux/kernel.h> /* printk\n */\n#  include\t<asm/io.h>\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("tag", "kind"), [("", "plain"), (TAG, "tagged")])
def test_a_source_that_includes_it_among_its_first(source: Path, before: str, tag: str, kind: str) -> None:
    comments = before if "include <" not in before else "/* only\n comments */\n"
    source.write_text(comments + tag + before + MODULE + "int rest;\n")
    assert begins(source) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int main(void) { return 0; }\n",
        f"#define DEBUG\n{MODULE}",
        f'#define pr_fmt(fmt) "mine: " fmt\n{MODULE}',
        f"{TAG}{TAG}{MODULE}",
        f"#include <linux/fs.h>\n{TAG}{MODULE}",
        f'#include "mine.h"\n{MODULE}',
        f"#ifdef MODULE\n{MODULE}#endif\n",
        f"struct mine;\n{MODULE}",
        f"/* a comment without an end\n{MODULE}",
        f"#define DEBUG /*\n*/\n{MODULE}",
        "#include <linux/fs.h>\n#include <linux/moduleparam.h>\n",
    ],
)
def test_others_are_compiled_as_ever(source: Path, text: str) -> None:
    source.write_text(text)
    assert begins(source) == ""


def test_our_own_monitor_does() -> None:
    assert begins(paths.CHECKOUT / "kernel" / "monitor.c") == "tagged"
