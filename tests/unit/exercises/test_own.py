"""What differs from student to student in the kit's own questions: numbers, choices, and which words do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.exercises import catalogue
from lab.exercises.answers import judge_sheet, parse
from lab.exercises.catalogue import LETTERS, Exercise, Question
from lab.exercises.own import own_of, posed

CLASS = [f"s{number:07}" for number in range(100)]
SEED = "autumn"

SAME_FOR_EVERYBODY = {
    "00.which_reason", "01.no_more_children", "02.which_capability", "02.no_mount_point", "03.lost_signal",
    "04.interrupted", "05.full_pipe", "06.on_top_of", "08.eevdf", "09.pdeathsig", "10.busy",
}  # fmt: skip
"""Terms: whoever knows one knows it for everybody. `docs/course.md` tells instructors of them."""


def asked() -> Iterator[tuple[Exercise, Question]]:
    for exercise in catalogue.exercises():
        for question in exercise.questions:
            yield exercise, question


CHOICES = [
    pytest.param(exercise, question, id=f"{exercise.number}.{question.id}")
    for exercise, question in asked()
    if question.kind == "choice"
]


def letter(exercise: Exercise, question: Question, student: str) -> str:
    """The right one of a student."""
    order = own_of(exercise, student, SEED).order(question)
    return LETTERS[order.index(question.choices.index(question.answer))]


def test_only_terms_are_the_same_for_everybody() -> None:
    same = set()
    for exercise in catalogue.exercises():
        class_ = [own_of(exercise, student, SEED) for student in CLASS[:30]]
        for question in exercise.questions:
            answers = (posed(exercise, question, each).answer for each in class_)
            first = next(answers)
            if not question.measured and all(each == first for each in answers):
                same.add(f"{exercise.number}.{question.id}")
    assert same == SAME_FOR_EVERYBODY


@pytest.mark.parametrize(("exercise", "question"), CHOICES)
def test_every_letter_is_right_for_somebody_and_every_choice_is_there_for_everybody(
    exercise: Exercise, question: Question
) -> None:
    right = [letter(exercise, question, student) for student in CLASS]
    assert {each: right.count(each) >= 10 for each in "abcd"} == dict.fromkeys("abcd", True)
    for student, mine in zip(CLASS[:5], right, strict=False):
        found = posed(exercise, question, own_of(exercise, student, SEED))
        assert sorted(found.choices.values()) == sorted(question.choices)
        assert list(found.choices) == list("abcd") and found.answer == mine
        assert found.choices[mine] == question.answer


@pytest.mark.parametrize(("exercise", "question"), CHOICES)
def test_a_letter_is_judged_by_the_order_of_whoever_hands_it_in(
    exercise: Exercise, question: Question
) -> None:
    one = replace(exercise, questions=(question,))
    right = {student: letter(exercise, question, student) for student in CLASS[:6]}
    assert len(set(right.values())) > 1
    for student, mine in right.items():
        for copied in set(right.values()):
            sheet = parse(f'[{exercise.number}]\n{question.id} = "{copied}"'.encode())
            [found] = judge_sheet(one, own_of(exercise, student, SEED), sheet)
            assert found.state == ("right" if copied == mine else "wrong")


def test_another_seed_and_another_question_have_another_order() -> None:
    exercise = catalogue.exercise("09")
    mine = [own_of(exercise, "s1234567", f"seed {number}").orders for number in range(50)]
    assert len({each["left"] for each in mine}) > 10
    assert any(each["left"] != each["who_ends_producers"] for each in mine)


def test_nobody_has_the_choices_as_their_author_wrote_them() -> None:
    for exercise, question in asked():
        for seed in ("", SEED):
            order = own_of(exercise, " ", seed).order(question)
            assert order == tuple(range(len(question.choices)))
