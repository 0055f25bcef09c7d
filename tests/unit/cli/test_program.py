"""How a command line ends where it is interrupted, or something outside of it goes wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lab import console, program

INTERRUPTED_AT = """
import os, runpy, signal, sys
class Finder:
    def find_spec(name, *_):
        if name == {module!r}:
            sys.meta_path.remove(Finder)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
sys.argv = [{script!r}, *{words!r}]
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"BOXWRIGHT_{name}", str(tmp_path / name.lower()))


def script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(words: list[str], place: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [script("lab"), *words], cwd=place, check=False, text=True, stderr=subprocess.PIPE, **more
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("module", ["rich.console", "typer", "lab.console"])
@pytest.mark.parametrize("words", [("lab", "list"), ("grade", "report")], ids="-".join)
def test_an_interrupt_while_modules_are_loaded_is_one(words: tuple[str, str], module: str) -> None:
    program = INTERRUPTED_AT.format(module=module, script=script(words[0]), words=words[1:])
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("ignored", [False, True])
def test_what_ends_a_command_lets_it_clean_up(number: str, ignored: bool) -> None:
    """The terminal that is closed as well, unless the user wants it to go on, as nohup(1) does."""
    going_on = f"signal.signal(signal.{number}, signal.SIG_IGN)" if ignored else ""
    text = f"""
import os, signal, sys, types
from lab import program
{going_on}
def app():
    try:
        os.kill(os.getpid(), signal.{number})
        print("goes on")
    finally:
        print("cleaned up")
sys.modules["some_command"] = types.SimpleNamespace(app=app)
program.run("some_command", when_full="")
"""
    done = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True, text=True)
    if ignored:
        assert (done.returncode, done.stdout) == (0, "goes on\ncleaned up\n")
    else:
        assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "")


@pytest.mark.parametrize(
    ("coding", "shown"), [("utf-8:strict", "w\\udcffü is made"), ("ascii", "w\\udcff\\xfc is made")]
)
def test_names_that_the_locale_does_not_have_are_shown_as_they_can_be(
    tmp_path: Path, coding: str, shown: str
) -> None:
    done = run(
        ["init", os.fsdecode(b"w\xff\xc3\xbc")], tmp_path, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": coding, "PYTHONUTF8": "1"}, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, shown in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize("words", [["list"], ["status", "--json"], ["doctor", "--json"]], ids=" ".join)
def test_a_closed_standard_output_is_told(tmp_path: Path, words: list[str]) -> None:
    done = run(words, tmp_path, preexec_fn=lambda: os.close(1))
    assert (done.returncode, "Standard output is closed" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(
    "words", [["list"], ["init"], ["hint"], ["guide", "00"], ["submit"], ["course", "new"]], ids=" ".join
)
def test_a_folder_that_is_gone_is_told(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "gone").mkdir()
    done = run(words, tmp_path / "gone", preexec_fn=(tmp_path / "gone").rmdir, stdout=subprocess.PIPE)
    assert (done.returncode, "The folder that you are in is gone" in done.stderr) == (1, True), done.stderr
    assert "cd" in done.stderr


def test_json_for_programs_is_json() -> None:
    with pytest.raises(ValueError):
        console.print_json({"points": float("nan")})


ACTING = "\x1b]52;c;aGk=\x07 \x9b2J \u202eback"
"""A write into the clipboard, a cleared screen, and a turned line."""


def test_no_text_acts_on_the_terminal() -> None:
    written = io.StringIO()
    shown = console.WholeLines(file=written, force_terminal=True, width=60)
    table = Table("name")
    table.add_row(escape(ACTING))
    for each in (escape(ACTING), Text(ACTING), table, f"[red]{escape(ACTING)}[/red]"):
        shown.print(each)
    with shown.status(escape(ACTING)):
        shown.print("beside it")
    said = written.getvalue()
    assert "\N{SYMBOL FOR ESCAPE}]52;c;aGk=" in said
    assert "\x1b[31m" in said, "Rich's own colours stay"
    assert not {"\x9b", "\u202e", "\x07"} & set(said)
    assert "\x1b]" not in said


def test_json_comes_back_as_it_was_and_does_not_act(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    console.print_json({"said": ACTING + "é"})
    said = capsysbinary.readouterr().out.decode()
    assert json.loads(said) == {"said": ACTING + "é"}
    assert "é" in said
    assert not {"\x1b", "\x9b", "\u202e"} & set(said)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/file"),
            "No space left on device at /a/file. Make room.",
        ),
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
    ],
)
def test_an_error_of_this_host_is_one_sentence(
    error: OSError, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in _said(error, monkeypatch, capsys)


def disk(
    *, blocks: int = 1 << 41, available: int = 1 << 30, files: int = 9, flags: int = 0
) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, blocks, available, available, 9, files, files, flags, 255))


@pytest.mark.parametrize("place", ["state", "."])
@pytest.mark.parametrize(
    ("found", "says"),
    [
        (disk(available=768), "the least is left at {there}, 3 MiB"),
        (disk(available=0), "the least is left at {there}, 0 MiB"),
        (disk(files=0), "no more files can be made at {there}"),
        (disk(available=0, blocks=0), "the least is left at {cache}, 4096 MiB"),
        (disk(available=0, flags=os.ST_RDONLY), "the least is left at {cache}, 4096 MiB"),
    ],
    ids=["little", "full", "files", "no disk", "read-only"],
)
def test_of_a_full_disk_it_is_said_where(
    found: os.statvfs_result, says: str, place: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A write that fails names no file. Where somebody said to write to is looked at, too."""
    monkeypatch.setattr("sys.argv", ["grade", "report", f"--output={tmp_path}/new/report", "\0", "x" * 300])
    there, cache = tmp_path / place, tmp_path / "cache"
    disks = {there: found, cache: disk(available=1 << 20)}
    monkeypatch.setattr("os.statvfs", lambda path: disks.get(path, disk()))
    said = _said(OSError(errno.ENOSPC, "No space left on device"), monkeypatch, capsys)
    where = says.format(there=there, cache=cache)
    assert said == f"error: No space left on device; {where}. Make room."


def test_that_nothing_can_be_looked_at_is_no_second_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def statvfs(path: Path) -> os.statvfs_result:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.statvfs", statvfs)
    assert _said(OSError(errno.ENOSPC, "No space"), monkeypatch, capsys) == "error: No space. Make room."


def _said(error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    def fail() -> None:
        raise error

    # One line, and the signals of whoever runs the tests left alone.
    monkeypatch.setattr(console, "err", Console(stderr=True, width=1000, highlight=False))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setitem(sys.modules, "fails", SimpleNamespace(app=fail))
    with pytest.raises(SystemExit) as ended:
        program.run("fails", when_full="Make room.")
    assert ended.value.code == 1
    return capsys.readouterr().err.replace("\n", " ").strip()


def test_the_line_where_a_compiler_complains_is_no_picture() -> None:
    """Rich draws one for `:100:`, also where markup is off."""
    text = io.StringIO()
    console.WholeLines(file=text, width=80).print("kernel/monitor.c:100:12: error; root:x:0:0", markup=False)
    assert text.getvalue() == "kernel/monitor.c:100:12: error; root:x:0:0\n"
