"""Judges a student's `answers.toml` against the student's own values and letters.

The file is the student's, so nothing in it is trusted: its length is limited, and whatever stands in it
costs at most the answer at which it stands. Where the file as a whole is no TOML, which one missing
quotation mark is enough for, it is read line by line, and only the lines that are none are lost.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lab.exercises.catalogue import LETTERS, Exercise, Question, QuestionKind
from lab.exercises.measurements import MEASUREMENTS
from lab.exercises.own import Own, Posed, posed

NAME = "answers.toml"
"""Of the answer sheet, at the top of a workspace."""

MOST_BYTES = 64 << 10
"""Of an answer sheet; one with all questions and long answers has a quarter of it."""

LONGEST_LINE = 2000
"""Characters: `tomllib` takes time that grows with the square of the parts of a dotted key, which stands on one."""

LONGEST = 200
"""Characters of an answer that are looked at."""

LARGEST = 1e18
"""Of all numbers that are answers; 64 bits hold what questions ask for."""

State = Literal["missing", "unclear", "right", "wrong", "unmeasured", "answered"]
"""`unclear`: there is something, and it is no answer of the kind that is asked for; `unmeasured`: what it is
compared with could not be measured; `answered`: whether it is right is not told (`told`)."""

SHOWN: tuple[QuestionKind, ...] = ("number", "word")
"""Kinds of questions of which a student is told at once whether the answer is right, where the course says
nothing else. Not of choices: a letter would be tried after the other, and nothing learned."""


@dataclass(frozen=True)
class AnswerVerdict:
    """What there is to say of one answer."""

    exercise: str
    """Its number."""
    question: Question
    posed: Posed
    """The question, with the student's own values and letters."""
    state: State
    given: str = ""
    """The answer as it stands there, cut to a readable length; empty where there is none."""
    why: str = ""
    """A sentence for the student: what is wrong with its form, or how far off it may be."""
    right: str = ""
    """The right answer; for whoever may see it."""

    @property
    def id(self) -> str:
        """Exercise and question: `08.share_fast`."""
        return f"{self.exercise}.{self.question.id}"


@dataclass(frozen=True)
class Sheet:
    """An answer sheet that was read."""

    answers: Mapping[tuple[str, str], Any]
    """What stands there, by exercise and question."""
    unclear: Mapping[tuple[str, str], str]
    """What is wrong with an answer that could not be read at all: a sentence."""
    problem: str = ""
    """Why there is no sheet to speak of: a sentence; empty where there is one."""


def judge(
    exercise: Exercise,
    own: Own,
    answers_path: Path,
    measured: Mapping[str, float] | None = None,
) -> list[AnswerVerdict]:
    """A verdict for each question of an exercise, in their order.

    Args:
        exercise: whose questions.
        own: the student's, as `Workspace.own` gives it.
        answers_path: the answer sheet; it need not be there.
        measured: what was measured on the machine, by the name of the measurement.

    Raises:
        LabError: a question of the exercise cannot be rendered: the kit's own fault.
    """
    return judge_sheet(exercise, own, read(answers_path), measured)


def judge_sheet(
    exercise: Exercise,
    own: Own,
    sheet: Sheet,
    measured: Mapping[str, float] | None = None,
) -> list[AnswerVerdict]:
    """As `judge`, of a sheet that was read already."""
    return [_judge(exercise, question, own, sheet, measured or {}) for question in exercise.questions]


def told(verdicts: Sequence[AnswerVerdict], shown: Sequence[QuestionKind] = SHOWN) -> list[AnswerVerdict]:
    """The verdicts as a student is told them while there is time to answer again.

    The right answer never; whether an answer is right only for these kinds of questions. What is missing
    or has no fitting form is told of all.
    """
    return [
        replace(each, right="")
        if each.question.kind in shown or each.state not in ("right", "wrong")
        else replace(each, right="", state="answered", why="Whether it is right is told with your mark.")
        for each in verdicts
    ]


def read(path: Path) -> Sheet:
    """The answer sheet in a file; one that is not there, or cannot be read, is one with a problem."""
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1))
    except FileNotFoundError:
        return Sheet({}, {}, f"There is no {path.name}.")
    except OSError as error:
        return Sheet({}, {}, f"{path.name} cannot be read: {error.strerror}.")


def parse(content: bytes) -> Sheet:
    """The answer sheet that these bytes are, as far as they are one."""
    if len(content) > MOST_BYTES:
        return Sheet({}, {}, f"{NAME} is longer than {MOST_BYTES} bytes, and was not read.")
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return _by_lines(text)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError):  # no TOML, a number of thousands of digits, brackets without end
        return _by_lines(text)
    return Sheet(
        {
            (str(number), str(id_)): value
            for number, table in tables.items()
            if isinstance(table, dict)
            for id_, value in table.items()
        },
        {},
    )


def _by_lines(text: str) -> Sheet:
    """Each line `id = value` by itself, below the last `[NN]`."""
    answers: dict[tuple[str, str], Any] = {}
    unclear: dict[tuple[str, str], str] = {}
    exercise = ""
    for at, line in enumerate(text.split("\n"), 1):
        if match := re.match(r"\s*\[\s*[\"']?(\w{1,20})[\"']?\s*\]", line):
            exercise = match[1]
        elif match := re.match(r"\s*[\"']?([A-Za-z0-9_-]{1,80})[\"']?\s*=(.*)", line):
            key = exercise, match[1]
            if key in answers or key in unclear:
                answers.pop(key, None)
                unclear[key] = f"It stands there twice, the second time in line {at}; leave one."
                continue
            if len(line) > LONGEST_LINE:
                unclear[key] = f"Line {at} is longer than {LONGEST_LINE} characters."
                continue
            try:
                answers[key] = tomllib.loads(f"x ={match[2]}")["x"]
            except (ValueError, RecursionError, KeyError):
                unclear[key] = f"Line {at} is no TOML; put the answer between quotation marks."
    return Sheet(answers, unclear)


def _judge(
    exercise: Exercise,
    question: Question,
    own: Own,
    sheet: Sheet,
    measured: Mapping[str, float],
) -> AnswerVerdict:
    asked = posed(exercise, question, own)
    key = exercise.number, question.id
    right = asked.answer
    if question.measured in measured:
        right = f"{measured[question.measured]:.4g}"
    verdict = AnswerVerdict(exercise.number, question, asked, "missing", right=right)
    if sheet.problem:
        return replace(verdict, why=sheet.problem)
    if key in sheet.unclear:
        return replace(verdict, state="unclear", why=sheet.unclear[key])
    value = sheet.answers.get(key, "")
    if isinstance(value, str) and not value.strip():
        return replace(verdict, why=f"There is no answer to it in {NAME}.")
    verdict = replace(verdict, given=_shown(value))
    match question.kind:
        case "number":
            return _judge_number(verdict, value)
        case "word":
            return _judge_word(verdict, value)
        case "choice":
            return _judge_choice(verdict, value)


def _judge_number(verdict: AnswerVerdict, value: object) -> AnswerVerdict:
    number = _number(value)
    if isinstance(number, str):
        return replace(verdict, state="unclear", why=number)
    question = verdict.question
    if not verdict.right:
        check = MEASUREMENTS[question.measured].check
        why = f"It is compared with what is measured on your engine, which needs {check}."
        return replace(verdict, state="unmeasured", why=why)
    right = float(verdict.right)
    allowed = _tolerance(question.tolerance, right)
    is_right = abs(number - right) <= allowed + 1e-9 * max(1.0, abs(right))
    why = _how_near(question) if not is_right else ""
    return replace(verdict, state="right" if is_right else "wrong", why=why)


def _judge_word(verdict: AnswerVerdict, value: object) -> AnswerVerdict:
    if type(value) is int and abs(value) > LARGEST:
        return replace(verdict, state="unclear", why="No answer is a number as large as that.")
    if type(value) not in (str, int, float):  # a version such as 6.6 may stand without its quotation marks
        return replace(verdict, state="unclear", why='Write one word between quotation marks: "word".')
    given = str(value)
    if len(given) > LONGEST:
        return replace(
            verdict, state="unclear", why=f"It is longer than {LONGEST} characters; one word is asked for."
        )
    is_right = _plain(given) == _plain(verdict.right)
    return replace(verdict, state="right" if is_right else "wrong")


def _judge_choice(verdict: AnswerVerdict, value: object) -> AnswerVerdict:
    letters = verdict.posed.choices
    given = _letter(value)
    if given not in letters:
        why = f"Write one letter between quotation marks: {', '.join(letters)}."
        return replace(verdict, state="unclear", why=why)
    return replace(verdict, state="right" if given == verdict.right else "wrong")


def _letter(value: object) -> str:
    """The letter that an answer is, in whatever form; empty where it is none."""
    found = re.fullmatch(r"\s*\(?([A-Za-z])[).:]?\s*", value) if isinstance(value, str) else None
    return found[1].lower() if found else ""


def carried_over(question: Question, value: Any, before: Own, after: Own) -> Any:
    """An answer for a sheet that becomes another student's: of a choice, the letter that the same one has there.

    What is no choice, or no letter that was offered, stays as it is.
    """
    given, order = _letter(value), before.order(question)
    if not given or given not in LETTERS[: len(order)]:
        return value
    now = LETTERS[after.order(question).index(order[LETTERS.index(given)])]
    return value if now == given else now


def _number(value: object) -> float | str:
    """A number as students write it; or the sentence that says why it is none."""
    sentence = "Write a number, with a point and without separators: 81.5."
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= LONGEST and re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
            return float(int(text, 16))
        pattern = r"([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?)\s*%?"
        match = re.fullmatch(pattern, text, re.ASCII) if len(text) <= LONGEST else None
        if match is None:
            return sentence
        value = float(match[1])
    if type(value) not in (int, float):  # True is an int to Python
        return sentence
    assert isinstance(value, int | float)
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > LARGEST:
        return "No answer is a number as large as that, or none at all."
    return float(value)


def _tolerance(text: str, right: float) -> float:
    share = text.endswith("%")
    number = float(text.removesuffix("%"))
    return abs(right) * number / 100 if share else number


def _how_near(question: Question) -> str:
    if float(question.tolerance.removesuffix("%")) == 0:
        return "It must be exact."
    return f"It may be {question.tolerance} off."


def _plain(text: str) -> str:
    """For comparison: neither case nor spaces nor quotation marks matter."""
    return " ".join(unicodedata.normalize("NFKC", text).strip(" \t\r\n`'\"").casefold().split())


def _shown(value: object) -> str:
    """An answer as it may be shown: on one line, and not too long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        return "a number with very many digits"  # Python refuses to write some of them
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
