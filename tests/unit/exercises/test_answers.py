"""Answers: right ones in whatever form, wrong ones, and files that mean harm; each costs at most itself."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.exercises import answers, catalogue
from lab.exercises.answers import MOST_BYTES, AnswerVerdict, State, judge, judge_sheet, parse, told
from lab.exercises.catalogue import Exercise, Question, QuestionKind
from lab.exercises.own import Own, own_of

CHOICES = ("this", "that", "something else")
MIXED = Own(orders={"it": (2, 0, 1)})
"""Somebody who has `something else` at a, `this` at b, and `that` at c."""


NOBODYS = Own()


def exercise(*questions: Question) -> Exercise:
    return Exercise("05", Path("05_made_up"), "Made up", 10, (), 10, questions=questions)


def question(kind: QuestionKind, answer: str, tolerance: str = "0", text: str = "How much?") -> Question:
    choices = CHOICES if kind == "choice" else ()
    return Question("it", text, kind, 2, answer, tolerance=tolerance, choices=choices)


def verdict(content: str | bytes, asked: Question, mine: Own = NOBODYS, **values: object) -> AnswerVerdict:
    data = content if isinstance(content, bytes) else content.encode()
    [found] = judge_sheet(exercise(asked), replace(mine, values=values), parse(data))
    return found


def state(value: str, asked: Question) -> State:
    """What an answer, as it stands in the file, comes to."""
    return verdict(f"[05]\nit = {value}\n", asked).state


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("81.5", "right"), ('"81.5"', "right"), ('" 81.5 % "', "right"), ('"8.15e1"', "right"), ("82.0", "right"),
        ("81", "right"), ("80.9", "wrong"), ("82.1", "wrong"), ("-81.5", "wrong"), ("0", "wrong"),
        ('"81,5"', "unclear"), ('"about 81"', "unclear"), ("true", "unclear"), ("nan", "unclear"), ("inf", "unclear"),
        ("[81.5]", "unclear"), ("{ x = 81.5 }", "unclear"), ("2026-01-01", "unclear"), ("9" * 300, "unclear"),
        ("0x" + "f" * 9000, "unclear"), ('"1e999"', "unclear"), ('""', "missing"), ('"  "', "missing"),
    ],
)  # fmt: skip
def test_numbers(written: str, wanted: State) -> None:
    assert state(written, question("number", "81.5", "0.5")) == wanted


def test_a_tolerance_is_a_share_or_a_number() -> None:
    asked = question("number", "200", "5 %")
    assert [state(text, asked) for text in ("190", "210", "189", "211")] == ["right"] * 2 + ["wrong"] * 2
    exact = question("number", "50331648")
    assert [state(text, exact) for text in ("50331648", "0x3000000", '"0x3000000"', "50331649")] == [
        "right", "right", "right", "wrong",
    ]  # fmt: skip
    assert verdict("[05]\nit = 1", exact).why == "It must be exact."
    assert verdict("[05]\nit = 1", asked).why == "It may be 5 % off."


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('"ENOMEM"', "right"), ('" enomem "', "right"), ('"`ENOMEM`"', "right"), ('"ENOMEN"', "wrong"),
        ('"E NOMEM"', "wrong"), ("12", "wrong"), ("true", "unclear"), ("[]", "unclear"), ('""', "missing"),
        ('"' + "x" * 5000 + '"', "unclear"), ("0x" + "f" * 9000, "unclear"),
    ],
)  # fmt: skip
def test_words(written: str, wanted: State) -> None:
    assert state(written, question("word", "ENOMEM")) == wanted


def test_a_version_needs_no_quotation_marks() -> None:
    assert state("6.6", question("word", "6.6")) == "right"
    assert state("200000", question("word", "200000")) == "right"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('"b"', "right"), ('" B) "', "right"), ('"(b)"', "right"), ('"b:"', "right"), ('"a"', "wrong"),
        ('"d"', "unclear"), ('"that"', "unclear"), ("2", "unclear"), ('""', "missing"),
    ],
)  # fmt: skip
def test_choices(written: str, wanted: State) -> None:
    assert state(written, question("choice", "that")) == wanted


def test_a_letter_means_what_stands_at_it_for_that_student() -> None:
    asked = question("choice", "that")
    found = verdict('[05]\nit = "c"', asked, MIXED)
    assert (found.state, found.right) == ("right", "c")
    assert found.posed.whole == "How much?\na: something else\nb: this\nc: that"
    assert [verdict(f'[05]\nit = "{letter}"', asked, MIXED).state for letter in "abd"] == [
        "wrong", "wrong", "unclear",
    ]  # fmt: skip


def test_a_choice_is_a_template_too() -> None:
    asked = replace(question("choice", "{{ mib }} MiB"), choices=("none", "{{ mib }} MiB"))
    found = verdict('[05]\nit = "b"', asked, mib=4)
    assert (found.state, dict(found.posed.choices)) == ("right", {"a": "none", "b": "4 MiB"})


@pytest.mark.parametrize(
    ("before", "after"),
    [("a", "b"), ("B) ", "c"), ("c", "a"), ("d", "d"), ("that", "that"), (2, 2), ("", ""), (["a"], ["a"])],
)
def test_a_letter_is_carried_over_to_the_same_choice(before: object, after: object) -> None:
    asked = question("choice", "that")
    assert answers.carried_over(asked, before, NOBODYS, MIXED) == after
    assert answers.carried_over(asked, before, MIXED, MIXED) == before
    assert answers.carried_over(question("word", "that"), before, NOBODYS, MIXED) == before


def test_the_numbers_are_the_students_own() -> None:
    asked = question("number", "{{ mib * 1048576 }}", text="How many bytes are {{ mib }} MiB?")
    found = verdict("[05]\nit = 4194304", asked, mib=4)
    assert (found.state, found.posed.whole, found.id) == ("right", "How many bytes are 4 MiB?", "05.it")
    assert verdict("[05]\nit = 4194304", asked, mib=5).state == "wrong"


def test_what_is_measured_is_compared_with_the_measurement() -> None:
    asked = Question("it", "Which share?", "number", 1, measured="share_fast", tolerance="4")
    sheet = parse(b"[05]\nit = 83")
    [without] = judge_sheet(exercise(asked), NOBODYS, sheet)
    assert without.state == "unmeasured" and "scheduling.shares_follow_the_weights" in without.why
    near, far = (
        judge_sheet(exercise(asked), NOBODYS, sheet, {"share_fast": share})[0] for share in (86.2, 91)
    )
    assert (near.state, near.right, far.state) == ("right", "86.2", "wrong")


def test_one_broken_line_costs_its_answer_and_no_other() -> None:
    both = exercise(question("word", "ENOMEM"), Question("other", "How much?", "number", 1, "81.5"))
    sheet = parse(b"[05] # title\nit = ENOMEM\n\n# note\nother = 81.5 # measured\n")
    broken, fine = judge_sheet(both, NOBODYS, sheet)
    assert (broken.state, fine.state) == ("unclear", "right")
    assert broken.why == "Line 2 is no TOML; put the answer between quotation marks."


def test_an_answer_that_stands_there_twice_counts_not_at_all() -> None:
    found = verdict('[05]\nit = "a"\nit = "b"\n', question("choice", "that"))
    assert found.state == "unclear" and "twice" in found.why and "line 3" in found.why


@pytest.mark.parametrize(
    ("content", "wanted", "says"),
    [
        (b"", "missing", "no answer"),
        (b"05 = 3", "missing", "no answer"),
        (b"[[05]]\nit = 3", "missing", "no answer"),
        (b"[5]\nit = 3", "missing", "no answer"),
        (b"#" * (MOST_BYTES + 1), "missing", "longer than"),
        (b"[05]\nit = " + b"[" * 1900, "unclear", "no TOML"),
        (b"[05]\nit = [" + b"\n[" * 9000, "unclear", "no TOML"),
        (b"[05]\nit = " + b"[" * 20000, "unclear", "longer than 2000"),
        (b"[05]\nit = 0x" + b"f" * 1900, "unclear", "large"),
        (b"\xff\xfe[05]\nit = 3", "missing", ""),
    ],
)
def test_files_that_mean_harm_or_nothing(content: bytes, wanted: State, says: str) -> None:
    found = verdict(content, question("number", "3"))
    assert found.state == wanted and says in found.why


@pytest.mark.parametrize(
    "line",
    [
        b"a." * 32000 + b"a = 1",
        b"x = {" + b"a." * 32000 + b"a = 1}",
        b"[" + b"a." * 32000 + b"a]",
        '"\u2028".'.encode() * 10000 + b"a = 1",
    ],
)
def test_no_file_takes_long(line: bytes) -> None:
    """Each of them would take `tomllib` about 20 s."""
    began = time.process_time()
    found = verdict(b"[05]\nit = 3\n" + line, question("number", "3"))
    assert time.process_time() - began < 1
    assert found.state == "right"


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    asked = exercise(question("number", "3"))
    assert judge(asked, NOBODYS, tmp_path / "answers.toml")[0].why == "There is no answers.toml."
    assert judge(asked, NOBODYS, tmp_path)[0].state == "missing"
    (tmp_path / "answers.toml").write_text("\ufeff[05]\nit = 3\n")
    assert judge(asked, NOBODYS, tmp_path / "answers.toml")[0].state == "right"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_one_broken_line_costs_its_own_answer_whatever_lines_end_with(ending: bytes) -> None:
    lines = ending.join([b"[05]", b"it = 3", b'other = "b', b"third = 5", b""])
    sheet = parse(lines)
    assert dict(sheet.answers) == {("05", "it"): 3, ("05", "third"): 5}
    assert list(sheet.unclear) == [("05", "other")]


def test_a_student_is_told_what_teaches_and_no_letter_to_guess_by() -> None:
    sheet = parse(b'[05]\nit = "a"')
    [choice] = told(judge_sheet(exercise(question("choice", "that")), NOBODYS, sheet))
    assert (choice.state, choice.right) == ("answered", "")
    [unclear] = told(judge_sheet(exercise(question("choice", "that")), NOBODYS, parse(b'[05]\nit = "z"')))
    assert unclear.state == "unclear"
    [word] = told(judge_sheet(exercise(question("word", "b")), NOBODYS, sheet))
    assert (word.state, word.right) == ("wrong", "")
    [silent] = told(judge_sheet(exercise(question("word", "b")), NOBODYS, sheet), shown=())
    assert silent.state == "answered"
    [open_] = told(judge_sheet(exercise(question("choice", "that")), NOBODYS, sheet), shown=("choice",))
    assert open_.state == "wrong"


@pytest.mark.parametrize("student", ["", "s1", "s2", "s3"])
def test_every_question_of_the_kit_has_an_answer_that_is_right(student: str) -> None:
    for each in catalogue.exercises():
        mine = own_of(each, student, "autumn")
        measured = {question.measured: 66.0 for question in each.questions if question.measured}
        right = judge_sheet(each, mine, parse(b""), measured)
        lines = "\n".join(f'{found.question.id} = "{found.right}"' for found in right)
        for found in judge_sheet(each, mine, parse(f"[{each.number}]\n{lines}".encode()), measured):
            assert found.state == "right", f"{found.id}: {found.given} is {found.state}: {found.why}"


KINDS = st.sampled_from(
    [
        question("number", "3", "5 %"),
        question("word", "x"),
        question("choice", "that"),
        question("number", "0"),
    ]
)


@given(st.binary(max_size=300), KINDS)
@example(b"[05]\nit = 1979-05-27T07:32:00-08:00", question("word", "x"))
@example(b"[05]\nit = '''\n", question("word", "x"))
@example(b'[05]\nit = "\\ud800"', question("word", "x"))
def test_whatever_stands_there_has_a_verdict(content: bytes, asked: Question) -> None:
    found = verdict(content, asked)
    assert found.state in get_args(State)
    assert "\n" not in found.given and len(found.given) <= answers.LONGEST + 1


VALUES = st.one_of(
    st.text(max_size=40),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.lists(st.integers(), max_size=2),
)


@given(VALUES, KINDS)
def test_every_value_of_toml_has_a_verdict(value: object, asked: Question) -> None:
    [found] = judge_sheet(exercise(asked), NOBODYS, answers.Sheet({("05", "it"): value}, {}))
    assert found.state in get_args(State)
    assert found.state in ("right", "wrong", "missing") or found.why


@given(st.floats(-1e6, 1e6, allow_nan=False), st.integers(0, 20))
def test_a_number_is_right_where_it_is_near_enough(right: float, percent: int) -> None:
    asked = question("number", repr(right), f"{percent} %")
    assert state(repr(right), asked) == "right"
    assert state(repr(right + abs(right) * (percent + 1) / 100 + 1), asked) == "wrong"
