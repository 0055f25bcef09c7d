"""What a course makes of a run: which checks, for how many points, and the answers as further verdicts.

Points: what an exercise counts in the course is divided among its checks of the course's level, its
questions and, where written work is marked, its rubric, in proportion to their own points. What the
exercises of a course build on in others is checked, too, and counts nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from grading.api.checks import Check
from grading.gradebook.marks import Written
from grading.gradebook.roster import Student
from grading.run.catalogue import homes, known, with_parents
from grading.run.identities import Identity, identities, with_seed
from grading.run.job import Job
from grading.run.single import Graded
from grading.submissions.workspaces import NOTHING, Handed
from grading.verdicts import ANSWERS, CheckResult, SubmissionResult, Verdict
from lab.course.course import Chosen, Course
from lab.errors import LabError
from lab.exercises import answers
from lab.exercises.answers import AnswerVerdict
from lab.exercises.catalogue import Exercise
from lab.exercises.measurements import MEASUREMENTS
from lab.exercises.own import own_of

TITLE = 160
"""Characters of a question in a line of a report."""


@dataclass(frozen=True)
class Coursework:
    """A course, as a run applies it."""

    course: Course
    checks: tuple[Check, ...]
    """All there are."""
    homes: Mapping[str, str]
    """The number of the exercise of each check, by its id."""
    level: int
    roster: tuple[Student, ...] = ()
    as_student: bool = False
    """As students check themselves: without what is hidden, and without verdicts that they are not told yet."""

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """The checks to be run: those of the course's exercises, and what these build on."""
        wanted: set[str] = set()
        for check in self.checks:
            if self.homes[check.id] in self.course.numbers and not (
                self.as_student and self.is_hidden(check)
            ):
                wanted.update(with_parents(self.checks, check.id))
        return tuple(check.id for check in self.checks if check.id in wanted)

    @functools.cached_property
    def digest(self) -> str:
        """Names all that a result depends on in the course; equal ones mean that it would be equal."""
        over = "".join("01"[_is_over(each)] for each in self.course.exercises)
        digest = hashlib.sha256(f"{self.level} {self.as_student} {over} {self.course.numbers}".encode())
        for path in (
            self.course.path,
            *(each.exercise.folder / "exercise.toml" for each in self.course.exercises),
        ):
            content = path.read_bytes()
            digest.update(b"%d:" % len(content) + content)
        return digest.hexdigest()[:16]

    def is_hidden(self, check: Check | CheckResult) -> bool:
        """Whether students see only its title, verdict and points."""
        return check.hidden or check.id in self.course.hidden or check.group in self.course.hidden

    def asked(self, only: tuple[str, ...]) -> tuple[str, ...]:
        """Of these checks, or of all where there are none, those of the course.

        Raises:
            LabError: none of the course's checks is among them.
        """
        found = tuple(each for each in self.ids if not only or each in only)
        if not found:
            raise LabError(
                "No check is left to be run",
                f"The course {self.course.name!r} asks for others, or hides all.",
            )
        return found

    def job(self, job: Job, identity: Identity) -> Job:
        """The job of a submission in this course.

        Raises:
            LabError: none of the course's checks is among those that were asked for.
        """
        return dataclasses.replace(
            job,
            only=self.asked(job.only),
            student=identity.student,
            course_seed=self.course.seed if identity.student else "",
        )

    def identities(self, names: Iterable[str], handed: Mapping[str, Handed]) -> dict[str, Identity]:
        """Whose each of these submissions is taken for."""
        found = identities(names, self.roster, handed, trusting=self.as_student)
        return {
            name: with_seed(identity, handed.get(name, NOTHING), self.course.seed)
            for name, identity in found.items()
        }

    def factor(self, exercise: Exercise) -> float:
        """By what the points of an exercise are multiplied, so that all of it counts what the course says."""
        chosen = self.course.chosen(exercise.number)
        if chosen is None:
            return 0.0
        own = sum(
            check.points
            for check in self.checks
            if self.homes[check.id] == exercise.number and check.level <= self.level
        )
        own += sum(question.points for question in exercise.questions)
        own += sum(criterion.points for criterion in exercise.rubric) if self.course.rubric else 0
        return chosen.points / own if chosen.points is not None and own else 1.0

    @property
    def written(self) -> Written:
        """What the gradebook keeps: the points by hand that there are to earn, and until when."""
        criteria = {
            f"{each.exercise.number}.{criterion.id}": Decimal(
                str(round(criterion.points * self.factor(each.exercise), 6))
            )
            for each in self.course.exercises
            for criterion in (each.exercise.rubric if self.course.rubric else ())
        }
        deadlines = [each.deadline for each in self.course.exercises if each.deadline is not None]
        return Written(self.course.name, criteria, max(deadlines).isoformat() if deadlines else "")

    def apply(self, graded: Graded, identity: Identity, handed: Handed, *, partial: bool) -> Graded:
        """What was graded, with the course's points and the answers.

        Args:
            graded: the checks, with their own points.
            identity: whose it is taken for.
            handed: what the submission says of itself.
            partial: only some checks were asked for, so no answers.
        """
        factors = {each.exercise.number: self.factor(each.exercise) for each in self.course.exercises}
        checks = [
            dataclasses.replace(
                check,
                points=check.points * factors.get(self.homes[check.id], 0.0),
                max_points=check.max_points * factors.get(self.homes[check.id], 0.0),
                hidden=self.is_hidden(check),
            )
            for check in graded.result.checks
        ]
        for each in () if partial else self.course.exercises:
            checks += self._answers(each.exercise, graded, identity, handed)
        notes = (*identity.notes, *((identity.doubt,) if identity.doubt else ()))
        result = dataclasses.replace(
            graded.result, checks=tuple(checks), student=identity.student, notes=notes
        )
        return dataclasses.replace(graded, result=result, finished=graded.finished and not result.undecided)

    def _answers(
        self, exercise: Exercise, graded: Graded, identity: Identity, handed: Handed
    ) -> list[CheckResult]:
        """A verdict for each answer of an exercise, as far as they are told here."""
        mine = own_of(exercise, identity.student, self.course.seed)
        verdicts = answers.judge_sheet(exercise, mine, handed.sheet, graded.measured)
        if self.as_student:
            verdicts = [
                each for each in answers.told(verdicts, self.course.answers_shown) if each.state != "answered"
            ]
        chosen = self.course.chosen(exercise.number)
        over = chosen is not None and _is_over(chosen)
        made = []
        for each in verdicts:
            check = _as_check(each, graded.result, self.factor(exercise), identity.doubt, told=over)
            made.append(dataclasses.replace(check, hidden=self.is_hidden(check)))
        return [check for check in made if not (self.as_student and check.hidden)]


def coursework(
    course: Course, checks: tuple[Check, ...], level: int, roster: Sequence[Student], *, as_student: bool
) -> Coursework:
    """A course for a run with these checks.

    Raises:
        LabError: the course hides something that there is not.
    """
    made = Coursework(course, checks, homes(checks), level, tuple(roster), as_student)
    there = {check.id for check in checks} | {check.group for check in checks} | {ANSWERS}
    there |= {
        f"{ANSWERS}.{each.exercise.number}.{question.id}"
        for each in course.exercises
        for question in each.exercise.questions
    }
    for name in course.hidden:
        known(name, there)
    return made


def _is_over(chosen: Chosen) -> bool:
    """Whether the deadline of an exercise is over; never where it has none."""
    return chosen.deadline is not None and chosen.deadline < datetime.now(UTC)


def _as_check(
    each: AnswerVerdict, result: SubmissionResult, factor: float, doubt: str, *, told: bool
) -> CheckResult:
    """An answer's verdict in the form of a check's; the right answer only once the deadline is over."""
    question = each.question
    verdict: Verdict = "passed" if each.state == "right" else "failed"
    parent = ""
    why = each.why
    if each.state == "unmeasured":
        verdict, parent = _unmeasured(MEASUREMENTS[question.measured].check, result)
    if doubt and each.state in ("right", "wrong", "unmeasured"):
        verdict, parent, why = "error", "", doubt
    kind = {"number": "number", "word": "word", "choice": "letter"}[question.kind]
    expected = f"the right {kind}"
    if told and each.right and not doubt:  # else it would be nobody's
        expected = _with_choice(each, each.right)
    points = question.points * factor
    title = " ".join(each.posed.text.split())
    return CheckResult(
        id=f"{ANSWERS}.{each.id}", group=ANSWERS, level=1, verdict=verdict,
        points=points if verdict == "passed" else 0.0, max_points=points,
        title=title if len(title) <= TITLE else f"{title[:TITLE]}…",
        rationale=why or each.posed.whole, expected="" if verdict == "passed" else expected,
        actual=each.given if doubt else _with_choice(each, each.given), parent=parent,
    )  # fmt: skip


def _with_choice(each: AnswerVerdict, answer: str) -> str:
    """An answer; of a choice with what its letter stands for, which is another thing for each student."""
    return f"{answer}: {each.posed.choices[answer]}" if answer in each.posed.choices else answer


def _unmeasured(check: str, result: SubmissionResult) -> tuple[Verdict, str]:
    """The verdict on an answer that there is nothing to compare with, and what it waits for."""
    found = next((each for each in result.checks if each.id == check), None)
    if found is None or found.verdict == "error":
        return "error", ""
    return "skipped", check
