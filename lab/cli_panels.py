"""In which panels and in which order `lab --help` shows the commands: what a student types first, first."""

from __future__ import annotations

import typer

PANELS = {
    "Exercises": (
        "init",
        "list",
        "guide",
        "check",
        "watch",
        "hint",
        "reset",
        "shell",
        "logs",
        "submit",
        "experiment",
    ),
    "Machines": (
        "up",
        "ssh",
        "console",
        "status",
        "down",
        "snapshot",
        "restore",
        "destroy",
        "add",
        "provision",
    ),
    "The kit": ("demo", "site", "exercise", "doctor", "image", "box"),
    "Courses": ("course", "exercise"),  # groups of commands come last: Typer shows them after all others
}
"""By panel, the commands in their order; what is named in none of them is the kit's."""


def arrange(app: typer.Typer) -> None:
    """Give each command its panel and its place."""
    panels = list(PANELS)
    order = {
        name: (at, panels.index(panel)) for panel, names in PANELS.items() for at, name in enumerate(names)
    }

    def place(name: str) -> tuple[int, int]:
        at, panel = order.get(name, (len(order), panels.index("The kit")))
        return panel, at

    for command in app.registered_commands:
        command.name = _name(command)
        command.rich_help_panel = panels[place(command.name)[0]]
    for group in app.registered_groups:
        group.rich_help_panel = panels[place(group.name or "")[0]]
    app.registered_commands.sort(key=lambda command: place(_name(command)))
    app.registered_groups.sort(key=lambda group: place(group.name or ""))


def _name(command: typer.models.CommandInfo) -> str:
    """What a command is called: as it was registered, or as its function."""
    return command.name or (command.callback.__name__ if command.callback else "")
