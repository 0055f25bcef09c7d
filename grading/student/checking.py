"""One `lab check`: asked of the keeper, remembered in the workspace, and made ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grading.student import client
from grading.student.kernel_words import meanings, telling
from grading.verdicts import CheckResult
from lab.console import Progress
from lab.exercises import guides
from lab.exercises.catalogue import Exercise
from lab.workspace import asked
from lab.workspace import progress as kept
from lab.workspace.progress import Kept
from lab.workspace.state import Workspace


@dataclass(frozen=True)
class Verdict:
    """A check's verdict, and where the check is from."""

    result: CheckResult
    exercise: str
    half: str

    @property
    def title(self) -> str:
        """What the check is called for people."""
        return self.result.title or self.result.id


@dataclass(frozen=True)
class Outcome:
    """What came of one `lab check`."""

    exercise: Exercise
    verdicts: tuple[Verdict, ...]
    """Of the checks that were asked for, in the order in which they ran."""
    parents: tuple[Verdict, ...]
    """Of those of other exercises, or not asked for, on which they build."""
    seconds: float
    built: dict[str, str]
    """What the builders said, by half."""
    tracebacks: tuple[str, ...]
    notes: tuple[str, ...]
    replaced: int
    """How often the machine broke and was replaced."""
    machine: str
    measured: Mapping[str, float] = field(default_factory=dict)
    """For answers: what the checks measured, by the name of the measurement."""

    @property
    def points(self) -> float:
        """Earned in this exercise."""
        return sum(each.result.points for each in self.verdicts)

    @property
    def max_points(self) -> float:
        """To be earned by its checks."""
        return sum(each.result.max_points for each in self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether everything did."""
        return all(each.result.verdict == "passed" for each in self.verdicts)

    @property
    def undecided(self) -> bool:
        """Whether something could not be decided: ours."""
        return any(each.result.verdict == "error" for each in self.verdicts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines of a compiler's that warn."""
        said = "\n".join(self.built.values()).replace("/submission/", "")
        return tuple(line for line in said.splitlines() if "warning:" in line or "error:" in line)

    def explanation(self, verdict: Verdict) -> str:
        """The heading in the exercise's guide that explains a check; that of the task where none is named."""
        hint = self.exercise.hint(verdict.result.id)
        return hint.section if hint and hint.section else guides.TASK

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "exercise": self.exercise.number,
            "title": self.exercise.title,
            "passed": self.passed,
            "points": self.points,
            "max_points": self.max_points,
            "seconds": self.seconds,
            "machine": self.machine,
            "machine_replaced": self.replaced,
            "checks": [_json(each) for each in self.verdicts],
            "parents": [_json(each) for each in self.parents],
            "warnings": self.warnings,
            "tracebacks": self.tracebacks,
            "notes": self.notes,
        }


def _json(verdict: Verdict) -> dict[str, Any]:
    result = verdict.result
    shown = (
        {}
        if result.hidden
        else {"expected": result.expected, "actual": result.actual, "why": result.rationale}
    )
    return {
        "id": result.id,
        "exercise": verdict.exercise,
        "title": result.title,
        "verdict": result.verdict,
        "points": result.points,
        "max_points": result.max_points,
        **shown,
        "parent": result.parent,
        "kernel": telling(result.kernel),
        "kernel_means": meanings(result.kernel),
        "seconds": result.seconds,
    }


def check(
    workspace: Workspace,
    exercise: Exercise,
    only: Sequence[str],
    named: str | None,
    progress: Progress,
    on_verdict: Callable[[CheckResult, int, int], None] = lambda result, done, of: None,
) -> Outcome:
    """Run the checks of an exercise, and remember their verdicts.

    Args:
        workspace: the student's.
        exercise: which.
        only: ids, groups or names of checks; empty for all.
        named: the machine that the command line says.
        progress: told what is done.
        on_verdict: told each verdict as it comes, the how-maniest it is, and of how many.

    Raises:
        LabError: they could not be run.
        OSError: this host cannot write the verdicts.
    """
    request = {"do": "check", "exercise": exercise.number, "only": list(only)}
    hidden = asked.hidden(workspace)
    found: dict[str, Verdict] = {}
    ids: tuple[str, ...] = ()
    of = 0
    done: dict[str, Any] = {}
    for event in client.ask(workspace, request, named, progress):
        if "checks" in event:
            ids = tuple(event["checks"])
            of = len(ids) + event["parents"]
        elif "verdict" in event:
            value = event["verdict"]
            result = CheckResult(**{**value, "kernel": tuple(value["kernel"])})
            if {result.id, result.group} & hidden:
                result = replace(result, hidden=True)
            found[result.id] = Verdict(result, event["exercise"], event["half"])
            on_verdict(result, len(found), of)
        elif "done" in event:
            done = event["done"]
    mine = tuple(each for id_, each in found.items() if id_ in ids)  # parents come first
    others = tuple(each for id_, each in found.items() if id_ not in ids)
    outcome = Outcome(
        exercise, mine, others, done["seconds"], done["built"], tuple(done["tracebacks"]),
        tuple(done["notes"]), done["replaced"], done["machine"], done["measured"],
    )  # fmt: skip
    _remember(workspace, (*mine, *others), done["digests"], whole="" if only else exercise.number)
    return outcome


def _remember(workspace: Workspace, verdicts: Sequence[Verdict], digests: dict[str, str], whole: str) -> None:
    when = kept.now()
    new = [
        Kept(
            id=each.result.id, exercise=each.exercise, verdict=each.result.verdict, points=each.result.points,
            max_points=each.result.max_points, title=each.result.title,
            hint=each.result.hint, parent=each.result.parent, sources=digests[each.half], when=when,
        )
        for each in verdicts
    ]  # fmt: skip
    kept.update(workspace, lambda before: kept.with_verdicts(before, new, whole))
