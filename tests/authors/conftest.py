"""The example is an exercise: its checks are run by the grader, in a copy of the checkout."""

collect_ignore = ["example"]
