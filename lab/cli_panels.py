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
}
"""By panel, the commands in their order; what is in none of them comes in a panel of its own."""


def arrange(app: typer.Typer) -> None:
    """Give each command its panel and its place."""
    order = {name: (panel, at) for panel, names in PANELS.items() for at, name in enumerate(names)}
    panels = list(PANELS)

    def place(name: str) -> tuple[int, int]:
        panel, at = order.get(name, ("", 0))
        return (panels.index(panel) if panel else len(panels), at)

    for command in app.registered_commands:
        name = _name(command)
        command.name = name
        command.rich_help_panel = order[name][0] if name in order else command.rich_help_panel
    for group in app.registered_groups:
        if group.name in order:
            group.rich_help_panel = order[group.name][0]
    app.registered_commands.sort(key=lambda command: place(_name(command)))
    app.registered_groups.sort(key=lambda group: place(group.name or ""))


def _name(command: typer.models.CommandInfo) -> str:
    """What a command is called: as it was registered, or as its function."""
    return command.name or (command.callback.__name__ if command.callback else "")
