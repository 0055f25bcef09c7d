"""The release gate in its short form: each mutant loses exactly the checks that its file names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MUTANTS = Path(__file__).resolve().parents[1] / "mutants"
NAMES = {
    implementation: sorted(path.stem for path in (MUTANTS / implementation).glob("*.patch"))
    for implementation in ("reference", "c")
}
SECONDS = 3 * 3600
"""The most for all mutants of one implementation, on a host that does much else."""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, object]]:
    """What the gate says of each mutant."""
    found = {}
    for implementation in NAMES:
        output = tmp_path_factory.mktemp("gate") / "result.json"
        words = ["--implementation", implementation, "--json", str(output)]
        done = subprocess.run(
            [sys.executable, str(MUTANTS), *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert output.exists(), done.stdout + done.stderr
        for each in json.loads(output.read_text())["mutants"]:
            found[implementation, each["name"]] = each
    return found


@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.parametrize(
    ("implementation", "name"), [(group, name) for group, names in NAMES.items() for name in names]
)
def test_a_mutant_loses_what_its_file_names(
    implementation: str, name: str, verdicts: dict[tuple[str, str], dict[str, object]]
) -> None:
    found = verdicts[implementation, name]
    wrong = {key: found[key] for key in ("kept", "too_much", "undecided", "problem") if found[key]}
    assert found["right"], wrong


def test_there_are_enough_mutants() -> None:
    assert len(NAMES["reference"]) >= 40
    assert len(NAMES["c"]) >= 12
