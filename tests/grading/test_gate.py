"""The release gate in its short form: each mutant loses exactly what its file names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MUTANTS = Path(__file__).resolve().parents[1] / "mutants"
ALL = [
    (folder, path.stem)
    for folder in ("reference", "c")
    for path in sorted((MUTANTS / folder).glob("*.patch"))
]


@pytest.fixture(scope="module")
def verdicts(gate: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """What the gate says of each mutant."""
    found: dict[tuple[str, str], dict[str, Any]] = gate.mutants()
    return found


@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.parametrize(("implementation", "name"), ALL)
def test_a_mutant_loses_what_its_file_names(
    implementation: str, name: str, verdicts: dict[tuple[str, str], dict[str, Any]]
) -> None:
    found = verdicts[implementation, name]
    wrong = {key: found[key] for key in ("kept", "too_much", "undecided", "problem") if found[key]}
    assert found["right"], wrong


def test_there_are_enough_mutants() -> None:
    counts = {folder: sum(each == folder for each, _ in ALL) for folder in ("reference", "c")}
    assert counts["reference"] >= 40, counts
    assert counts["c"] >= 40, counts
