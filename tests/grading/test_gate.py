"""The release gate in its short form, for the implementation in C: each mutant loses exactly what its file names.

Those of the reference take a quarter of an hour more: `python tests/mutants`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MUTANTS = Path(__file__).resolve().parents[1] / "mutants"
IN_C = sorted(path.stem for path in (MUTANTS / "c").glob("*.patch"))


@pytest.fixture(scope="module")
def verdicts(gate: Any) -> dict[str, dict[str, Any]]:
    """What the gate says of each mutant."""
    found: dict[str, dict[str, Any]] = gate.mutants()
    return found


@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.parametrize("name", IN_C)
def test_a_mutant_loses_what_its_file_names(name: str, verdicts: dict[str, dict[str, Any]]) -> None:
    found = verdicts[name]
    wrong = {key: found[key] for key in ("kept", "too_much", "undecided", "problem") if found[key]}
    assert found["right"], wrong


def test_there_are_enough_mutants() -> None:
    assert len(list((MUTANTS / "reference").glob("*.patch"))) >= 40
    assert len(IN_C) >= 12
