"""Where the command `grade` begins. What it consists of is in `grading.cli`, which takes a while to load."""

from __future__ import annotations

from lab import program


def main() -> None:
    """Run `grade`; whatever goes wrong ends in one sentence and a non-zero status."""
    program.run(
        "grading.cli",
        when_full="Make room and call it again; what is in the gradebook is not graded again.",
    )


if __name__ == "__main__":
    main()
