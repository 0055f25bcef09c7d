"""Which part of a guide explains a check."""

from __future__ import annotations

import pytest

from grading.api.checks import MARK
from grading.run.catalogue import all_checks
from lab.exercises import catalogue, guides, parameters, sections


def explained(number: str, name: str, *hints: str) -> str:
    exercise = catalogue.exercise(number)
    guide = guides.read(exercise.folder, parameters.values(exercise.parameters, "", ""))
    return sections.explaining(guide, name, hints).title


@pytest.mark.parametrize(
    ("number", "id_", "title"),
    [
        ("01", "containers.own_pid_namespace", "2. Who gets to be PID 1"),
        ("05", "logs.bytes_are_unchanged", "4. Every byte"),
        ("06", "teardown.module_in_use_stays", "5. Who holds a module"),
        ("08", "scheduling.shares_follow_the_weights", "3. Nice, and between whom"),
    ],
)
def test_the_step_that_speaks_of_it(
    number: str, id_: str, title: str, request: pytest.FixtureRequest
) -> None:
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
    exercise = catalogue.exercise(number)
    check = next(each for each in all_checks(exercise.folder) if each.id == id_)
    hints = [
        text
        for each in exercise.hints
        if each.target == id_
        for text in (each.nudge, each.pointer, each.nearly)
    ]
    assert explained(number, f"{id_.partition('.')[2]} {check.title}", *hints) == title


def test_a_step_that_a_hint_names_is_meant() -> None:
    assert (
        explained("01", "nothing of the kind", "Step 3 of the guide: look.")
        == "3. A /proc that tells of others"
    )
    assert explained("01", "nothing of the kind", "Step 9 of the guide: look.") == "Your task"


def test_without_a_word_in_common_the_task_explains_it() -> None:
    assert explained("01", "zebra quagga") == "Your task"
