"""Which sources may begin with what the kernel's build system has read ahead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from grading.guest import kbuild

MODULE = "#include <linux/module.h>\n"
TAG = '#define pr_fmt(fmt) "[container_monitor] " fmt\n'


def begins(tmp_path: Path, source: str) -> str:
    path = tmp_path / "monitor.c"
    path.write_text(source)
    done = subprocess.run(
        ["awk", "-f", kbuild.SOURCES / "begins.awk", path], capture_output=True, text=True, check=True
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
def test_a_source_that_includes_it_among_its_first(tmp_path: Path, before: str, tag: str, kind: str) -> None:
    comments = before if "include <" not in before else "/* only\n comments */\n"
    assert begins(tmp_path, comments + tag + before + MODULE + "int rest;\n") == kind


@pytest.mark.parametrize(
    "source",
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
def test_others_are_compiled_as_ever(tmp_path: Path, source: str) -> None:
    assert begins(tmp_path, source) == ""


def test_our_own_monitor_does() -> None:
    source = Path(kbuild.SOURCES).parents[2] / "kernel" / "monitor.c"
    done = subprocess.run(
        ["awk", "-f", kbuild.SOURCES / "begins.awk", source], capture_output=True, text=True, check=True
    )
    assert done.stdout == "tagged\n"
