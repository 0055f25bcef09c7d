# Refuse a command that there is not.
#
# In:  name: what the client typed; command: that of COMMANDS, or None.
# Out: nothing, where there is one. Errors: UsageError(what, what to do).
#
# Until you do, whoever types something else is given help, and told that all is well.
if command is None:
    from supervisor.commands import help

    command = help.HELP
    rest = []
