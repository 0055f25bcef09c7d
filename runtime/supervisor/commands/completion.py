"""`completion`: what a shell needs to complete command lines of the engine, made from the table of commands.

What a command's operands are, `Command.completes` tells: `containers`, or only the `running`
or `paused` ones; `commands`; `shells`; `files`; or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.commands.base import Command
from supervisor.errors import UsageError
from supervisor.options import Line, Option, show

SHELLS = ("bash", "fish", "zsh")

CONTAINERS = {
    "containers": "engine ps -q",
    "running": "engine ps -q --filter status=running",
    "paused": "engine ps -q --filter status=paused",
}
"""What lists the ids to choose from."""


@dataclass(frozen=True)
class CompletionRequest:
    """`completion`."""

    shell: str


def parse(line: Line) -> CompletionRequest:
    """The request that a line means."""
    if len(line.operands) != 1:
        raise line.refuse(f"takes the name of a shell: {', '.join(SHELLS)}")
    if line.operands[0] not in SHELLS:
        raise UsageError(
            f"there is no completion for {show(line.operands[0])}", f"There is for {', '.join(SHELLS)}."
        )
    return CompletionRequest(line.operands[0])


def tell(request: CompletionRequest) -> str:
    """The script."""
    from supervisor.commands import COMMANDS  # it lists us, too

    return {"bash": bash, "fish": fish, "zsh": zsh}[request.shell](COMMANDS)


def choices(option: Option) -> list[str]:
    """The words that an option's value is one of; none where it may be anything."""
    return option.value.split("|") if "|" in option.value else []


def operands(command: Command[Any], commands: Mapping[str, Command[Any]]) -> str:
    """The shell's words for what a command's operands may be; empty where it takes files or none."""
    if command.completes in CONTAINERS:
        return f"$({CONTAINERS[command.completes]} 2>/dev/null)"
    return {"commands": " ".join(commands), "shells": " ".join(SHELLS)}.get(command.completes, "")


def bash(commands: Mapping[str, Command[Any]]) -> str:
    """For bash. Where nothing is offered, bash offers files (`-o default`)."""
    cases = []
    for command in commands.values():
        known = ["--help", *(name for option in command.grammar.options for name in option.names)]
        valued = [name for option in command.grammar.options if option.value for name in option.names]
        # Behind these many operands the container's own command line begins.
        most = 1 if command.grammar.closed else 99 if "..." in command.usage else 1
        cases.append(
            f"""\
        {command.name})
            options={" ".join(known)!r}
            valued={" ".join(valued)!r}
            most={most}
            ;;
"""
        )
    values = []
    for command in commands.values():
        for option in command.grammar.options:
            names = "|".join(f"{command.name}:{name}" for name in option.names)
            if words := choices(option):
                values.append(f"        {names}) words='{' '.join(words)}' ;;\n")
            elif option.value == "SIGNAL":
                values.append(f"        {names}) words=$(compgen -A signal SIG) ;;\n")
    offered = []
    for command in commands.values():
        if words_of := operands(command, commands):
            quote = '"' if "$" in words_of else "'"
            offered.append(f"        {command.name}) words={quote}{words_of}{quote} ;;\n")
    return f"""\
# Completion of engine(8) for bash; made by `engine completion bash`.

_engine() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
    local options='' valued='' most=0 words='' count=0 position
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        mapfile -t COMPREPLY < <(compgen -W {" ".join(commands)!r} -- "$word")
        return
    fi
    case $command in
{"".join(cases)}    esac
    if [[ " $valued " == *" $previous "* ]]; then
        case $command:$previous in
{"".join(values)}        esac
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    for (( position = 2; position < COMP_CWORD; position++ )); do
        if [[ ${{COMP_WORDS[position]}} != -* && " $valued " != *" ${{COMP_WORDS[position-1]}} "* ]]; then
            (( ++count ))
        fi
    done
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    if (( count >= most )); then
        return
    fi
    case $command in
{"".join(offered)}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}

complete -o default -F _engine engine
"""


def fish(commands: Mapping[str, Command[Any]]) -> str:
    """For fish."""
    lines = ["# Completion of engine(8) for fish; made by `engine completion fish`.", "complete -c engine -f"]
    for command in commands.values():
        lines.append(
            f"complete -c engine -n __fish_use_subcommand -a {command.name} -d {quoted(command.summary)}"
        )
        here = f"-n '__fish_seen_subcommand_from {command.name}'"
        if command.completes == "files":
            lines.append(f"complete -c engine {here} -F")
        elif words := operands(command, commands):
            # fish would run the command of "$(...)" when it reads this line; in quotes it runs when asked.
            listed = words.removeprefix("$").replace(" 2>/dev/null", "")
            lines.append(f"complete -c engine {here} -a {quoted(listed)}")
        for option in command.grammar.options:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
            )
            value = " -x" if option.value else ""
            if words_of := choices(option):
                value += f" -a {quoted(' '.join(words_of))}"
            lines.append(f"complete -c engine {here} {names} -d {quoted(option.text)}{value}")
    return "\n".join(lines) + "\n"


def zsh(commands: Mapping[str, Command[Any]]) -> str:
    """For zsh."""
    listed = "".join(
        f"        {quoted(f'{command.name}:{command.summary}')}\n" for command in commands.values()
    )
    cases = []
    for command in commands.values():
        specs = []
        for option in command.grammar.options:
            text = option.text.replace("[", "(").replace("]", ")").replace(":", " -")
            value = f":{option.value}:({' '.join(choices(option))})" if option.value else ""
            # One with a value may be given again; of a switch, one of its names will do.
            often = "*" if option.value else f"({' '.join(option.names)})"
            for name in option.names:
                specs.append(f"            {quoted(f'{often}{name}[{text}]{value}')} \\\n")
        action = {"files": "_files", "": ":"}.get(command.completes)
        if action is None:
            action = f"({operands(command, commands)})"
            if "$" in action:
                action = f"{{compadd -- {operands(command, commands)}}}"
        specs.append(f"            {quoted(f'*:operand:{action}')}\n")
        cases.append(f"        {command.name})\n        _arguments -s \\\n{''.join(specs)}            ;;\n")
    return f"""\
#compdef engine
# Completion of engine(8) for zsh; made by `engine completion zsh`.

local -a commands
if (( CURRENT == 2 )); then
    commands=(
{listed}    )
    _describe command commands
    return
fi
shift words
(( CURRENT-- ))
case $words[1] in
{"".join(cases)}esac
"""


def quoted(text: str) -> str:
    """A word in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


COMPLETION = Command(
    name="completion",
    usage="<shell>",
    summary="what a shell needs to complete command lines of the engine",
    text="""\
A script that makes bash, fish or zsh complete commands, options and the ids of containers:

  source <(engine completion bash)
  engine completion bash > /usr/share/bash-completion/completions/engine
""",
    parse=parse,
    tell=tell,
    completes="shells",
)
