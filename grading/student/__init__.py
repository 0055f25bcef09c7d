"""The student's commands that run checks: the same checks that grade, in a guest that is kept between commands.

`lab` finds them through the entry points of the group `boxwright.lab_commands`; it knows nothing of this package.
"""
