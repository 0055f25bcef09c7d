"""The command `grade`: what an instructor types. Everything it does is in the modules it calls."""

from __future__ import annotations

import typer

from grading.cli_gradebook import export, set_, show_
from grading.cli_replay import replay
from grading.cli_report import report
from grading.cli_rubric import rubric
from grading.cli_run import run
from grading.cli_vms import EPILOG as INVENTORY
from grading.cli_vms import vms

EPILOG = """[bold]A class, from the folder to the course's system[/bold]

grade run submissions/ --level 1    a line for each as it ends; Ctrl-C, and call it again to go on

grade show ann                      why ann has these points

grade set ann --late 2d             what no check knows

grade report                        pages for the class and for each student

grade export -f moodle --worksheet Grades.csv -o Filled.csv
"""

app = typer.Typer(
    name="grade",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command(epilog=INVENTORY)(vms)
app.command()(replay)
app.command("show")(show_)
app.command("set")(set_)
app.command()(rubric)
app.command()(report)
app.command()(export)


@app.callback(epilog=EPILOG)
def grade() -> None:
    """Honest verdicts on container engines and kernel monitors, each in a fresh VM.

    A verdict is [bold]passed[/bold], [bold]failed[/bold], [bold]skipped[/bold] (what it builds on did not
    pass) or [bold]error[/bold]: ours or the machine's, tried again, and never a lost point.
    """
