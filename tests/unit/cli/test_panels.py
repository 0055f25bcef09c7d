"""`lab --help`: what a student types first, first; and commands that `lab` itself knows nothing of."""

from __future__ import annotations

import subprocess
import sys

from typer.testing import CliRunner

from lab.cli import app
from lab.cli_panels import PANELS


def test_the_panels_come_in_their_order_with_their_commands() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).stdout
    heads = [said.index(f"─ {panel} ─") for panel in PANELS]
    assert heads == sorted(heads)
    inside = said[heads[0] : heads[1]]
    shown = [line.split()[1] for line in inside.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert shown == list(PANELS["Exercises"])


def test_every_command_that_is_named_is_there() -> None:
    there = {each.name for each in (*app.registered_commands, *app.registered_groups)}
    assert {name for names in PANELS.values() for name in names} <= there


def test_help_is_quick_and_loads_no_check() -> None:
    script = (
        "import sys; from lab.cli import app; "
        "print([name for name in ('pytest', 'fabric', 'grading.plugin', 'matplotlib') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
