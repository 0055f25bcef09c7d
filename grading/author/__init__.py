"""For authors of exercises: what is wrong with one, and its release gate, as `lab exercise check`.

`subject` reads an exercise with its checks and mutants, `rules` holds it against what every exercise of
the house is held to, and `command` shows what they found. The project's own tests use the same rules.
"""
