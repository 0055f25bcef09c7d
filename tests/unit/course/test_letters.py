"""A letter that was given before a student joined the course: it goes on to mean what it meant."""

from __future__ import annotations

import tomllib
from pathlib import Path

from lab.course import make
from lab.course.course import Chosen, Course
from lab.exercises import catalogue
from lab.exercises.own import posed
from lab.workspace import state


def test_a_letter_stays_with_its_choice_when_a_student_joins(tmp_path: Path) -> None:
    """It was chosen in nobody's order; in the student's own the same letter would mean something else."""
    exercise = catalogue.exercise("08")
    question = next(each for each in exercise.questions if each.kind == "choice")
    course = Course(
        path=Path(), name="OS", seed="autumn", tracks=("python",), kit="", kit_version="",
        exercises=(Chosen(exercise),),
    )  # fmt: skip
    [workspace] = make.new(tmp_path / "os", course).students
    sheet = workspace / "answers.toml"

    def right() -> str:
        return posed(exercise, question, state.read(workspace).own(exercise)).answer

    sheet.write_text(sheet.read_text().replace(f'{question.id} = ""', f'{question.id} = "{right()}"'))
    seen = {right()}
    for student in ("s1", "s2", "s3", "s4", "s1"):
        make.join(workspace, student)
        assert tomllib.loads(sheet.read_text())["08"][question.id] == right()
        seen.add(right())
    assert len(seen) > 1
