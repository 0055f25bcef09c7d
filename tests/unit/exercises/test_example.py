"""The example of an exercise of somebody's own: nothing is wrong with it, and nothing is left to be written."""

from __future__ import annotations

import json
from pathlib import Path

from workshop import EXAMPLE, FREEZER, NUMBER, Clone

from lab.exercises import regions


def test_it_is_finished(clone: Clone) -> None:
    clone.put_example()
    [report] = json.loads(clone.lab("exercise", "check", NUMBER, "--json"))
    assert (report["number"], report["wrong"], report["open"]) == (NUMBER, {}, [])
    said = clone.lab("exercise", "check")
    assert f"✓ {NUMBER} · Standing still" in said and "✗" not in said


def test_what_is_missing_is_noticed(clone: Clone) -> None:
    clone.put_example()
    (clone.top / "tests/mutants/reference/unpause_does_nothing.patch").unlink()
    assert "no mutant loses control.unpause_lets_it_go_on" in clone.lab("exercise", "check", NUMBER)
    readme = clone.top / "exercises/README.md"
    readme.write_text(readme.read_text().replace("`, `control.unpause_lets_it_go_on`", "`"))
    done = clone.run("exercise", "check", NUMBER)
    assert done.returncode == 1 and "no row for control.unpause_lets_it_go_on" in done.stdout


def test_its_student_begins_with_a_stub(clone: Clone, tmp_path: Path) -> None:
    clone.put_example()
    clone.lab("init", str(tmp_path / "lab"), "--upto", NUMBER)
    there = regions.find((tmp_path / "lab" / FREEZER).read_text(), FREEZER)["11.freeze"].body
    assert there == (EXAMPLE / "11_freezer/stubs/python/freeze.py").read_text()
    assert "os.setpriority" in (tmp_path / "lab/runtime/supervisor/container.py").read_text()
