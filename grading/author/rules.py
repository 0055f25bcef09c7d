"""What every exercise is held to. A rule is a function: an exercise in, sentences out, none where all is well."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grading.author.subject import TABLE, Subject
from lab.errors import LabError
from lab.exercises import guides
from lab.exercises.own import Own, posed

SVG = "{http://www.w3.org/2000/svg}"
LEAST_ALT = 40
"""Characters that say in words what is seen in a picture."""
STEPS = range(3, 6)
QUESTIONS = range(3, 6)
FETCHES = re.compile(r"<script|<image|<foreignObject|@import|url\((?!#)|href=\"(?!#)")
"""What a picture would load from elsewhere."""

ORDERED = re.compile(
    r"\b[a-h]\)?,? (?:and|or|nor) \(?[a-h]\b"  # a and c
    r"|\b(?:all|both|each|either|any|neither|none|one) of (?:these|those|them|the (?:above|others?))\b"
    r"|\bthe (?:others|above)\b|^(?:all|both|neither|none)$",
    re.IGNORECASE,
)
"""What a choice says of others."""

Rule = Callable[[Subject], Iterator[str]]


@dataclass(frozen=True)
class Held:
    """A rule and its name."""

    name: str
    """As `the guide has its sections`."""
    rule: Rule


def sections(subject: Subject) -> Iterator[str]:
    """Title, opening, and sections in their order."""
    guide, exercise = subject.guide, subject.exercise
    if guide.number != exercise.number or guide.title != exercise.title:
        yield f"guide.md has the title {guide.number} · {guide.title}; exercise.toml says {exercise.title!r}"
    found = tuple(section.title for section in guide.sections if section.level == 2)
    if found != guides.SECTIONS:
        yield f"guide.md has the sections {', '.join(found)}; they are {', '.join(guides.SECTIONS)}, in this order"
    if not re.search(r"\n\n(?=[^!\n])", f"\n\n{guide.opening.strip()}"):
        yield "guide.md has no opening before its first section: say what is built, and why the kernel has it"


def steps(subject: Subject) -> Iterator[str]:
    """Steps of four parts and something to type each."""
    guide = subject.guide
    if len(guide.steps) not in STEPS:
        yield f"guide.md has {len(guide.steps)} steps; three to five are a lesson"
    for step in guide.steps:
        places = [step.text.find(part) for part in guides.STEP_PARTS]
        if places != sorted(places) or places[0] < 0:
            yield f"guide.md: step {step.title!r} lacks one of {' '.join(guides.STEP_PARTS)}, or has another order"
        last = step.line + step.text.count("\n")
        if not any(step.line < block.line < last for block in guide.blocks):
            yield f"guide.md: step {step.title!r} has no console block: there is nothing to do"


def pictures(subject: Subject) -> Iterator[str]:
    """Pictures that are shown, said in words, drawn for light and dark, and whole in themselves."""
    shown = {picture.path for picture in subject.guide.pictures}
    there = {path.name for path in subject.folder.glob("*.svg")}
    for name in sorted(there - shown):
        yield f"{name} is shown nowhere in guide.md"
    for name in sorted(({"picture.svg"} | shown) - there):
        yield f"{name} is missing"
    for picture in subject.guide.pictures:
        if picture.path not in there:
            continue
        if len(picture.alt) < LEAST_ALT:
            yield f"guide.md, line {picture.line}: say in words what is seen in {picture.path}"
        text = (subject.folder / picture.path).read_text(encoding="utf-8")
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            yield f"{picture.path} is no SVG: {error}"
            continue
        if root.tag != f"{SVG}svg" or not root.get("viewBox"):
            yield f"{picture.path} is no SVG with a viewBox, by which it fits every screen"
        for tag in ("title", "desc"):
            element = root.find(f"{SVG}{tag}")
            if element is None or not (element.text or "").strip():
                yield f"{picture.path} has no <{tag}>, which is read to those who do not see it"
        if "prefers-color-scheme: dark" not in text:
            yield f"{picture.path} has no colours for the dark (@media (prefers-color-scheme: dark))"
        if found := FETCHES.search(text):
            yield f"{picture.path} has {found[0]}: it must be whole without anything from elsewhere"


def used_parameters(subject: Subject) -> Iterator[str]:
    """Parameters that are declared and used."""
    declared = set(subject.exercise.parameters)
    everything = subject.text + (subject.folder / "exercise.toml").read_text(encoding="utf-8")
    for name in sorted(guides.names(everything) - declared):
        yield f"{{{{ {name} }}}} is used, and no parameter of exercise.toml"
    for name in sorted(declared - guides.names(everything)):
        yield f"the parameter {name} of exercise.toml is used nowhere"


def every_student(subject: Subject) -> Iterator[str]:
    """Guide and questions can be rendered, and answered, whatever a student's parameters are."""
    for values in subject.all_values:
        guides.read(subject.folder, values)
        for item in subject.exercise.rubric:
            guides.render(item.text, values, "exercise.toml")
        for question in subject.exercise.questions:
            asked = posed(subject.exercise, question, Own(values))
            answer = asked.answer
            if not answer and not question.measured:
                yield f"question {question.id} has no answer for {values}"
            if question.kind == "number" and answer and not _is_number(answer):
                yield f"question {question.id}: the answer {answer!r} for {values} is no number"
            said = list(asked.choices.values())
            for twice in sorted({each for each in said if said.count(each) > 1}):
                yield f"question {question.id}: two choices are {twice!r} for {values}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def questions(subject: Subject) -> Iterator[str]:
    """Questions of several kinds, a rubric, and all of them in the guide."""
    exercise = subject.exercise
    if len(exercise.questions) not in QUESTIONS:
        yield f"exercise.toml has {len(exercise.questions)} questions; three to five are asked"
    if len({question.kind for question in exercise.questions}) < 2:
        yield "exercise.toml: all questions are of one kind; mix number, word and choice"
    if not exercise.rubric:
        yield "exercise.toml has no [[rubric]]: something is explained in writing in each exercise"
    for item in exercise.rubric:
        heads = [level.partition(":")[0] for level in item.levels]
        marks = [float(head) for head in heads if _is_number(head)]
        if len(marks) < len(heads) or marks != sorted(marks) or marks[:1] != [0] or marks[-1] != item.points:
            yield f"exercise.toml: the levels of {item.id} are not `0: …` up to `{item.points:g}: …`"
    ids = [*(each.id for each in exercise.questions), *(each.id for each in exercise.rubric)]
    listed = re.findall(r"^- `(\w+)`", subject.guide.section("Questions").text, re.MULTILINE)
    if listed != ids:
        yield f"guide.md lists the questions {', '.join(listed)}; exercise.toml has {', '.join(ids)}, in this order"


def choices(subject: Subject) -> Iterator[str]:
    """Choices that can stand in any order: none of them speaks of another one, or of a letter."""
    for question in subject.exercise.questions:
        if question.kind == "choice" and re.search(r"(^|\s)[a-h][:)] ", question.text):
            yield f"question {question.id}: its text has letters; what it offers is a list, `choices = [...]`"
        for each in question.choices:
            if found := ORDERED.search(each):
                yield (
                    f"question {question.id}: each student has the choices in another order, so none can say "
                    f"{found[0]!r}: write out what {each!r} means"
                )


def task(subject: Subject) -> Iterator[str]:
    """The regions stand in the task, and no others of this exercise."""
    number = subject.exercise.number
    mine = {region.name for region in subject.exercise.regions}
    told = set(re.findall(rf"\b{number}\.[a-z_]+", subject.guide.section(guides.TASK).text))
    for name in sorted(mine - told):
        yield f"guide.md says nothing of region {name} in `{guides.TASK}`"
    for name in sorted(told - mine):
        yield f"guide.md names a region {name}, which regions.toml has not"


def hints(subject: Subject) -> Iterator[str]:
    """Hints for each check and each region, and for nothing else."""
    wanted = {region.name for region in subject.exercise.regions} | {check.id for check in subject.checks}
    hinted = {hint.target for hint in subject.exercise.hints}
    for name in sorted(wanted - hinted):
        yield f"exercise.toml has no [[hints]] for {name}"
    for name in sorted(hinted - wanted):
        yield f"exercise.toml has hints for {name}, which is neither a check nor a region of this exercise"
    for region in subject.exercise.regions:
        for hint in subject.exercise.hints:
            if hint.target == region.name and hint.track and hint.track not in region.files:
                yield f"exercise.toml has hints for {region.name} in the track {hint.track}, which has no such region"


def explained(subject: Subject) -> Iterator[str]:
    """Each check names the part of the guide that explains it, and the guide has that."""
    checks, there = {check.id for check in subject.checks}, subject.guide.explaining
    for hint in subject.exercise.hints:
        if hint.track:
            continue
        if hint.target not in checks:
            if hint.section:
                yield f"exercise.toml: the hints for {hint.target} have a `section`; only those for a check have one"
        elif hint.section not in there:
            named = f"a `section` {hint.section!r} that guide.md lacks" if hint.section else "no `section`"
            yield f"exercise.toml: the hints for {hint.target} have {named}; it is one of {', '.join(there)}"


def points(subject: Subject) -> Iterator[str]:
    """The exercise's points are the sum of what can be earned in it, at either level."""
    exercise = subject.exercise
    total = sum(check.points for check in subject.checks)
    total += sum(question.points for question in exercise.questions)
    total += sum(criterion.points for criterion in exercise.rubric)
    if abs(total - exercise.points) > 1e-6:
        yield f"exercise.toml: write points = {total:g}; checks, questions and rubric give that together"
    at_1 = total - sum(check.points for check in subject.checks if check.level > 1)
    if abs(at_1 - (exercise.points if exercise.points_at_1 is None else exercise.points_at_1)) > 1e-6:
        yield f"exercise.toml: write points_at_1 = {at_1:g}; that is what is left without the checks of level 2"


def named_checks(subject: Subject) -> Iterator[str]:
    """Checks that the guide names exist."""
    groups = {id_.partition(".")[0] for id_ in subject.homes}
    for name in re.findall(r"`([a-z]+\.[a-z][a-z0-9_]*)`", subject.text):
        if name.partition(".")[0] in groups and name not in subject.homes:
            yield f"guide.md names the check {name}, and there is none"


def parents(subject: Subject) -> Iterator[str]:
    """Parents of checks exist, and stand in this exercise or in an earlier one."""
    for check in subject.checks:
        for need in check.needs:
            if need not in subject.homes:
                yield f"{check.id} needs {need}, and there is no such check"
            elif subject.homes[need] > subject.exercise.number:
                yield f"{check.id} needs {need}, which stands in a later exercise, {subject.homes[need]}"
        for (
            other
        ) in check.otherwise:  # may stand in a later one: where that is not looked at, nothing stands in
            if other not in subject.homes:
                yield f"{check.id} names {other} as another way, and there is no such check"


def in_the_table(subject: Subject) -> Iterator[str]:
    """Each check of the kit's own stands in the table of sentences, in a row that names this exercise."""
    if not subject.is_kits:
        return
    number = subject.exercise.number
    beyond = 1 + sum(row.number.startswith("5.") and row.checks[0] in subject.homes for row in subject.rows)
    for check in subject.checks:
        rows = [row for row in subject.rows if check.id in row.checks]
        if not rows:
            yield (
                f"{TABLE} of the exercises has no row for {check.id}; at the end of the part that it belongs to:"
                f" | 5.{beyond} | what is asked for | {number} | `{check.id}` |"
            )
        elif not any(number in row.exercises for row in rows):
            yield f"{TABLE} of the exercises: no row with {check.id} names exercise {number}"


def mutants(subject: Subject) -> Iterator[str]:
    """Each check is lost by a mutant: it has been seen to fail for a reason."""
    for check in subject.checks:
        if check.id not in subject.losing:
            yield f"no mutant loses {check.id}; tests/mutants/README.md says how to add one"


RULES = (
    Held("the guide has its sections", sections),
    Held("steps are complete", steps),
    Held("pictures can be read by everybody", pictures),
    Held("parameters are declared and used", used_parameters),
    Held("every student gets a guide and questions", every_student),
    Held("questions are several, and stand in the guide", questions),
    Held("choices can stand in any order", choices),
    Held("every region is in the task", task),
    Held("hints are for what there is", hints),
    Held("checks are explained in the guide", explained),
    Held("points are the sum", points),
    Held("checks named in the guide exist", named_checks),
    Held("checks build on what comes before them", parents),
    Held("checks stand in the table of sentences", in_the_table),
)
"""What is wrong where they have something to say."""


def broken(held: Held, subject: Subject) -> list[str]:
    """What a rule has to say; where the exercise cannot be read so far, that is it."""
    try:
        return list(held.rule(subject))
    except (LabError, OSError, UnicodeDecodeError) as error:
        return [str(error)]
