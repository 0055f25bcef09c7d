"""The example's release gate, in a VM: no point before it, all after it, and each of its mutants is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from workshop import NUMBER, Clone

pytestmark = [pytest.mark.vm, pytest.mark.slow]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone.make(tmp_path_factory.mktemp("example") / "clone")
    made.put_example()
    return made


def test_its_gate_holds(clone: Clone) -> None:
    said = clone.lab("exercise", "check", NUMBER, "--gate")
    assert f"The release gate holds for exercise {NUMBER}" in said
    assert "11 before: right, 0 of 3 points" in said and "11 after: right, 3 of 3 points" in said
    for mutant in ("pause_does_nothing", "unpause_does_nothing"):
        assert f"reference/{mutant}: right, 1 of 1 lost" in said
