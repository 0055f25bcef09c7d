"""Where the command `lab` begins. What it consists of is in `lab.cli`, which takes a while to load."""

from __future__ import annotations

from lab import program


def main() -> None:
    """Run `lab`; whatever goes wrong ends in one sentence and a non-zero status."""
    program.run("lab.cli", when_full="Make room; `lab image ls` shows what the images take.")


if __name__ == "__main__":
    main()
