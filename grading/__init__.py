"""The grader: submissions in, honest verdicts out. The command is `grade`."""
