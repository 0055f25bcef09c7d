"""Chooses what of a submission is graded as its engine and as its monitor, and says why.

The student's word comes first (`submission.toml`), the instructor's even before it
(`--engine`, `--monitor`). Otherwise the candidate with the most work in it is taken, one that
lies open before one that came out of an archive; what is in doubt after what is not; skeleton
that nobody touched only where there is nothing else.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grading.submissions import attempts, makefiles
from grading.submissions.attempts import Attempt
from grading.submissions.candidates import Candidate, Half, commands, engines, monitors
from grading.submissions.declared import Declared, declared, inside
from grading.submissions.leftovers import leftovers
from grading.submissions.making import Making, making
from grading.submissions.passed_over import passed_over
from grading.submissions.site import as_laid_down
from grading.submissions.sources import Language, Source, sources
from grading.submissions.starters import Starters, stubs
from grading.submissions.tree import Tree
from lab.errors import LabError

__all__ = ["REFERENCE", "Choice", "Selection", "leftovers", "take"]

REFERENCE = "reference"
"""Given in place of a path: this kit's own half stands in."""

NEARLY = 0.1
"""A smaller share of code of its own is mentioned."""

MOST_OTHERS = 4
"""Candidates whose defeat is explained."""

CALLED = frozenset(("engine", "engine.c", "engine.py", "monitor.c"))
"""Names that the course gives. They decide between files of one program."""

SIDE = re.compile(
    r"(?:^|[/_.-])(?:old|older|backup|bak|orig|original|copy|archive|deprecated|unused|tmp|temp|draft|tests?|mock"
    r"|examples?|samples?|demos?|reference|skeleton|template|starter|boilerplate|upstream)(?=[/_.0-9-]|$)",
    re.IGNORECASE,
)
"""Parts of paths in which work that counts seldom lies. It counts there, too, if there is more of it."""


@dataclass(frozen=True)
class Choice:
    """What is taken for one half."""

    folder: str = "."
    """Where it is built, POSIX, within the tree."""
    entry: str = ""
    """The file with its `main` or `module_init`, within the tree."""
    language: Language = "c"
    makefile: str = ""
    """The Makefile's name in `folder`; empty if there is none."""
    targets: tuple[str, ...] = ()
    """That Makefile's explicit targets."""
    attempts: tuple[Attempt, ...] = ()
    """Ways of building, the likeliest first; none where nothing needs to be built."""
    sources: tuple[str, ...] = ()
    """Names of the files that a compiler is given, without folders."""
    products: tuple[str, ...] = ()
    """Where the program or module is expected after building, within the tree, the likeliest first;
    failing these, whatever program or module is new."""
    untouched: bool = False
    """Whether it is the skeleton that students were given, and nothing else."""
    reference: bool = False
    """Whether this kit's own is to be used."""
    reasons: tuple[str, ...] = ()
    """Sentences: what was taken over what."""


@dataclass(frozen=True)
class Selection:
    """What is graded of a submission."""

    engine: Choice | None
    monitor: Choice | None
    missing: Mapping[Half, str] = field(default_factory=dict)
    """Of each half that is missing: why."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why halves are missing."""
        return tuple(self.missing.values())

    def why(self, half: Half) -> tuple[str, ...]:
        """Why a half is missing; nothing where it is not."""
        return (self.missing[half],) if half in self.missing else ()

    @property
    def language(self) -> Language:
        """The engine's; C where there is none."""
        return self.engine.language if self.engine else "c"


@dataclass(frozen=True)
class _Ranked:
    """A candidate with what speaks for and against it."""

    candidate: Candidate
    untouched: bool
    unchanged: bool
    packed: bool
    """Whether it came out of an archive in the submission."""
    own: int
    weight: float

    @property
    def looks_given(self) -> bool:
        """Whether it is the skeleton as far as can be told, also where no class shows what that is."""
        return self.untouched or (self.unchanged and _says_unimplemented(self.candidate))


def take(
    tree: Tree, *, starters: Starters | None = None, engine: str | None = None, monitor: str | None = None
) -> Selection:
    """Choose engine and monitor.

    Args:
        tree: an opened submission.
        starters: what is known of the skeleton, with the submission's own first commit.
        engine: a path within each submission (file or folder), or `reference`.
        monitor: the same for the monitor.

    Raises:
        LabError: a path is not there, or `submission.toml` makes no sense.
        OSError: a file cannot be read.
    """
    starters = starters or Starters()
    every = sources(tree.root)
    said = declared(tree.root)
    makes = making(tree.root, every)
    missing: dict[Half, str] = {}
    chosen: dict[Half, Choice | None] = {}
    halves: tuple[tuple[Half, str | None], ...] = (("engine", engine), ("monitor", monitor))
    for half, named in halves:
        if named == REFERENCE:
            chosen[half] = Choice(reference=True, reasons=(f"the kit's own {half} stands in",))
            continue
        near = chosen.get("engine")
        choice, why = _choose(
            half, tree, every, makes, starters, said.get(half), named, near.folder if near else "."
        )
        chosen[half] = choice
        if choice is None:
            missing[half] = why
    return Selection(chosen["engine"], chosen["monitor"], missing)


def _choose(
    half: Half,
    tree: Tree,
    every: Sequence[Source],
    makes: Making,
    starters: Starters,
    said: Declared | None,
    named: str | None,
    near: str,
) -> tuple[Choice | None, str]:
    """The choice for one half, or why there is none."""
    within = said.folder if said else None
    if named is not None:
        within = as_laid_down(inside(named, f"--{half}"))
    if within is not None and not (tree.root / within).exists():
        raise LabError(f"there is no {named or within} in the submission", f"Name another --{half}, or none.")
    held = every if within is None else [source for source in every if _is_in(source, within)]
    find = engines if half == "engine" else monitors
    found = [candidate for candidate in find(every, makes) if candidate.entry in held]
    if within is not None and not any(not candidate.doubt for candidate in found):
        # Whoever names a place means what is there, whatever it looks like.
        found = find(every, makes, believed=frozenset(source.path for source in held))
        found = [candidate for candidate in found if candidate.entry in held]
    if not found:
        if said is not None and said.build and named is None:
            return _as_declared(half, Choice(folder=said.folder), said, tree), ""
        return None, _nothing(half, tree, within, passed_over(half, held, (), makes, starters))
    own = {file.path: starters.own(file) for file in {file for one in found for file in one.files}}
    all_ranked = [_ranked(candidate, starters, own, tree.unpacked) for candidate in found]
    # Where all that is certain is skeleton, what is in doubt is no worse.
    certain = any(not one.candidate.doubt and not one.looks_given for one in all_ranked)
    best, *others = sorted(
        all_ranked, key=lambda one: _order(one, near, certain=certain or within is not None)
    )
    if named is None and said is not None and not said.build and best.untouched:
        # It may have come with the skeleton; with lines of its own it may build what lies elsewhere.
        work, _ = _choose(half, tree, every, makes, starters, None, None, near)
        if work is not None and not work.untouched:
            skeleton = best.candidate.entry.path
            return _with_reason(
                work, f"submission.toml means {skeleton}, which is the untouched skeleton"
            ), ""
    considered = {file for one in found for file in one.files}
    left = passed_over(half, held, considered, makes, starters) if best.looks_given else ""
    choice = _choice(best, others, tree, near, left)
    if named is not None:
        choice = _with_reason(choice, f"--{half} {named} was given")
    elif said is not None:
        choice = _as_declared(half, choice, said, tree)
    return choice, ""


def _is_in(source: Source, within: str) -> bool:
    return within in (".", source.path) or source.path.startswith(f"{within}/")


def _ranked(
    candidate: Candidate, starters: Starters, own_of: Mapping[str, int], unpacked: frozenset[str]
) -> _Ranked:
    own = sum(own_of[file.path] for file in candidate.files)
    untouched = starters.untouched(candidate.entry) and own == 0
    unchanged = bool(starters.weak) and not any(starters.since_first_commit(file) for file in candidate.files)
    weight = own * candidate.fit * (1.1 if candidate.entry.name in CALLED else 1.0)
    packed = any(_is_in(candidate.entry, folder) for folder in unpacked)
    if SIDE.search(candidate.entry.path):
        weight *= 0.5
    if packed:  # as handed over by somebody, or as it was once; what lies open beside it was worked on
        weight *= 0.5
    if unchanged:
        weight *= 0.3
    if _says_unimplemented(candidate):
        weight *= 0.5
    elif stubs(candidate.entry) >= 3:
        weight *= 0.9
    return _Ranked(candidate, untouched, unchanged, packed, own, weight)


def _says_unimplemented(candidate: Candidate) -> bool:
    """Whether the program's own words are that there is nothing yet."""
    return any(
        token.kind == "text" and "not implemented" in token.text.lower() for token in candidate.entry.tokens
    )


def _order(one: _Ranked, near: str, *, certain: bool) -> tuple[object, ...]:
    """For sorting: the best first. Of equals the one beside the engine, then the last of a numbered row."""
    path = one.candidate.entry.path
    numbers = tuple(-int(digits[:9]) for digits in re.findall(r"\d+", path))
    return (
        one.untouched,
        one.candidate.doubt if certain else 0,
        -round(one.weight),
        one.candidate.entry.folder != near,
        path.count("/"),
        numbers,
        path,
    )


def _choice(best: _Ranked, others: Sequence[_Ranked], tree: Tree, near: str, left: str) -> Choice:
    candidate = best.candidate
    folder, makefile = _build_folder(candidate, tree)
    build = attempts.for_engine if candidate.half == "engine" else attempts.for_monitor
    return Choice(
        folder=folder,
        entry=candidate.entry.path,
        language=candidate.language,
        makefile=makefile.name if makefile else "",
        targets=makefile.targets if makefile else (),
        attempts=build(candidate, folder, makefile, tree.root),
        sources=tuple(file.name for file in candidate.compiled),
        products=_products(candidate, folder),
        untouched=best.untouched,
        reasons=_reasons(best, others, near, left),
    )


def _build_folder(candidate: Candidate, tree: Tree) -> tuple[str, makefiles.Makefile | None]:
    """The folder whose Makefile builds a candidate: its own or the nearest above it; its own if there is none."""
    own = candidate.entry.folder
    if candidate.language == "python":
        return own, makefiles.read(tree.root / own)
    folder = own
    while True:
        makefile = makefiles.read(tree.root / folder)
        if makefile is not None and (candidate.half == "engine" or makefile.builds_module or folder == own):
            return folder, makefile
        if folder == ".":
            return own, None
        folder = posixpath.dirname(folder) or "."


def _products(candidate: Candidate, folder: str) -> tuple[str, ...]:
    stem = posixpath.splitext(candidate.entry.name)[0]
    here = candidate.entry.folder
    if candidate.half == "monitor":
        places = [f"{folder}/monitor.ko", f"{here}/monitor.ko", f"{here}/{stem}.ko"]
        places.append(f"{here}/{attempts.MODULE_NAME}.ko")
    elif candidate.language == "python":
        places = [candidate.entry.path]
    else:
        places = [f"{folder}/engine", f"{folder}/bin/engine", f"{folder}/build/engine", f"{here}/engine"]
        places += [f"{folder}/{stem}", f"{here}/{stem}"]
    return tuple(dict.fromkeys(posixpath.normpath(place) for place in places))


def _reasons(best: _Ranked, others: Sequence[_Ranked], near: str, left: str) -> tuple[str, ...]:
    shown = f"{best.candidate.entry.path} ({best.candidate.entry.lines:,} lines)"
    said = []
    if best.untouched:
        alone = "what else there is does not show to be one" if left else "there is nothing else"
        said.append(f"taken {shown}: it is the untouched skeleton, and {alone}")
    elif not others:
        said.append(f"taken {shown}, the only candidate")
    else:
        over = "; over ".join(_why_not(best, other, near) for other in others[:MOST_OTHERS])
        more = f"; and {len(others) - MOST_OTHERS} more" if len(others) > MOST_OTHERS else ""
        said.append(f"taken {shown} over {over}{more}")
    if left:
        said.append(f"not taken: {left}")
    said += [_doubt(best.candidate)] if best.candidate.doubt else []
    tokens = sum(len(file.tokens) for file in best.candidate.files)
    if not best.untouched and best.own < NEARLY * tokens:
        said.append(f"only {best.own:,} of its {tokens:,} tokens are not what the class was given")
    if _says_unimplemented(best.candidate) and not best.untouched:
        said.append("it says of itself that something is not implemented")
    if best.candidate.others:
        names = [file.path for file in best.candidate.others]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        said.append(f"together with {', '.join(names[:6])}{more}")
    return tuple(said)


def _why_not(best: _Ranked, other: _Ranked, near: str) -> str:
    path = other.candidate.entry.path
    if other.untouched:
        return f"{path}, which is the untouched skeleton"
    if other.candidate.entry.digest == best.candidate.entry.digest:
        beside = best.candidate.half == "monitor" and best.candidate.entry.folder == near
        return f"{path}, which is the same{' and not beside the engine' if beside else ''}"
    if other.unchanged and not best.unchanged:
        return f"{path}, which is as in the first commit"
    if _says_unimplemented(other.candidate) and not _says_unimplemented(best.candidate):
        return f"{path}, which says of itself that something is not implemented"
    if SIDE.search(path) and not SIDE.search(best.candidate.entry.path):
        return f"{path}, which by its name is an example, a copy or a test"
    if other.packed and not best.packed:
        return f"{path}, which came out of an archive"
    if other.candidate.doubt > best.candidate.doubt:
        return f"{path}, for which less speaks: {_doubt(other.candidate)}"
    if other.own < best.own:
        return f"{path}, which has less code of its own ({other.own:,} tokens against {best.own:,})"
    if other.candidate.fit < best.candidate.fit:
        return f"{path}, which speaks of less of what is asked for"
    return f"{path}, which is no further"


def _doubt(candidate: Candidate) -> str:
    """What is missing of what makes a half one."""
    if candidate.half == "monitor":
        return (
            "it has neither ioctls nor container_monitor in it" if candidate.doubt < 3 else "it is no module"
        )
    if not candidate.entry.is_program:
        return "it is no program that can be run by itself"
    known = commands(*candidate.files)
    return f"of the commands it knows only {', '.join(known)}" if known else "it knows none of the commands"


def _as_declared(half: Half, choice: Choice, said: Declared, tree: Tree) -> Choice:
    """A choice with what `submission.toml` says in place of what was detected."""
    folder = said.folder if said.build else choice.folder
    makefile = makefiles.read(tree.root / folder)
    build = attempts.declared(half, said.build, folder) if said.build else choice.attempts
    products = choice.products
    if said.product:
        # Its own name is what building gives it, and its folder may be one that was renamed.
        places = (posixpath.join(said.folder, each) for each in (said.product, as_laid_down(said.product)))
        products = tuple(dict.fromkeys((*map(posixpath.normpath, places), *products)))
    return Choice(
        folder=folder,
        entry=choice.entry,
        language=choice.language,
        makefile=makefile.name if makefile else "",
        targets=makefile.targets if makefile else (),
        attempts=build,
        products=products,
        untouched=choice.untouched,
        reasons=("submission.toml says so", *choice.reasons),
    )


def _with_reason(choice: Choice, reason: str) -> Choice:
    return Choice(**{**vars(choice), "reasons": (reason, *choice.reasons)})


def _nothing(half: Half, tree: Tree, within: str | None, left: str) -> str:
    place = f" in {within}" if within else ""
    compiled = [path for path in leftovers(tree.root) if path.suffix == (".ko" if half == "monitor" else "")]
    note = ""
    if compiled:
        what = compiled[0].relative_to(tree.root).as_posix()
        note = f"; {what} is compiled already, and only sources are graded"
    note += f"; {left}" if left else ""
    if half == "engine":
        return (
            f"no engine found{place}: no program in C or Python that knows supervisor, start, ps, logs{note}"
        )
    return f"no monitor found{place}: no kernel module (module_init, MODULE_LICENSE) for containers{note}"
