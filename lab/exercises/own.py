"""What of an exercise is one student's own: the values of its parameters, and the letters of its choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.exercises import guides, parameters
from lab.exercises.catalogue import LETTERS, Exercise, Question


@dataclass(frozen=True)
class Own:
    """What one student has in one exercise."""

    values: Mapping[str, object] = field(default_factory=dict)
    """Of the parameters, by their names."""
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By the id of a question: which of its choices, counted from 0 as `exercise.toml` has them, stand at
    a, b, c and so on. A question that is not among them has them as they stand there."""

    def order(self, question: Question) -> tuple[int, ...]:
        """In which order the choices of a question stand; empty where it offers none."""
        return self.orders.get(question.id, tuple(range(len(question.choices))))


@dataclass(frozen=True)
class Posed:
    """A question as it is put to one student."""

    text: str
    """Without its choices."""
    choices: Mapping[str, str]
    """What it offers, by letter, in the order of the letters; empty where it is no choice."""
    answer: str
    """The right one, of a choice its letter; empty where the machine is measured."""

    @property
    def whole(self) -> str:
        """The text with a line for each choice, as students read it."""
        return "\n".join([self.text, *(f"{letter}: {said}" for letter, said in self.choices.items())])


def own_of(exercise: Exercise, student: str, seed: str) -> Own:
    """What a student has in an exercise.

    Args:
        exercise: which.
        student: the id; empty for nobody's.
        seed: the course's.
    """
    return Own(
        parameters.values(exercise.parameters, student, seed),
        {
            each.id: parameters.order(f"{exercise.number}.{each.id}", len(each.choices), student, seed)
            for each in exercise.questions
            if each.choices
        },
    )


def posed(exercise: Exercise, question: Question, mine: Own) -> Posed:
    """A question of an exercise as it is put to whoever has this.

    Raises:
        LabError: it cannot be rendered: the kit's own fault.
    """
    where = f"exercise {exercise.number}, question {question.id}"
    text = guides.render(question.text, mine.values, where)
    if not question.choices:
        return Posed(text, {}, guides.render(question.answer, mine.values, where).strip())
    order = mine.order(question)
    right = order.index(question.choices.index(question.answer))
    said = [guides.render(question.choices[at], mine.values, where) for at in order]
    return Posed(text, dict(zip(LETTERS, said, strict=False)), LETTERS[right])
