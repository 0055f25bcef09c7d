"""The release gate's mutants, as far as no VM is needed: they apply, they name checks, and groups hide nothing."""

from __future__ import annotations

import dataclasses
import io
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

sys.path.append(str(Path(__file__).resolve().parents[2] / "mutants"))

import implementations
import outcome
import patches
import short
import together
import whole

from grading.api.checks import MARK, Check
from grading.run.catalogue import all_checks
from grading.verdicts import CheckResult, Verdict
from lab import console
from lab.errors import LabError

EVERY = [
    pytest.param(implementation, mutant, id=f"{implementation.name}-{mutant.name}")
    for implementation in implementations.ALL.values()
    for mutant in patches.mutants(implementation)
]

DIFF = "\ndiff --git a/it b/it\n--- a/it\n+++ b/it\n@@ -1 +1 @@\n-old\n+new\n"


@pytest.fixture(scope="module")
def checks(request: pytest.FixtureRequest) -> dict[str, Check]:
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
    return {check.id: check for check in all_checks()}


@pytest.mark.parametrize(("implementation", "mutant"), EVERY)
def test_it_applies_and_names_checks(
    implementation: implementations.Implementation, mutant: patches.Mutant, checks: dict[str, Check]
) -> None:
    assert mutant.obstacle(implementation.top) == ""
    assert mutant.loses <= set(checks)
    assert mutant.not_beside <= {each.name for each in patches.mutants(implementation)} - {mutant.name}
    # One that is named together with what it builds on would be skipped, not failed.
    assert not mutant.loses & together.ancestors(mutant.loses, checks)


def test_there_are_enough() -> None:
    assert len(patches.mutants(implementations.REFERENCE)) >= 40
    assert len(patches.mutants(implementations.C)) >= 40


def test_a_patch_that_does_not_apply_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "one.patch"
    path.write_text("It is broken.\n\nLoses: a.b\n" + DIFF)
    mutant = patches.read(path)
    (tmp_path / "it").write_text("other\n")
    assert "does not apply" in mutant.obstacle(tmp_path)
    with pytest.raises(LabError, match="does not apply"):
        mutant.apply(tmp_path)
    (tmp_path / "it").unlink()
    assert "there is no it" in mutant.obstacle(tmp_path)
    (tmp_path / "it").write_text("old\n")
    mutant.apply(tmp_path)
    assert (tmp_path / "it").read_text() == "new\n"


@pytest.mark.parametrize("head", ["", "It is broken.\n", "Loses: a.b\n", "It is broken.\n\nLoses:\n"])
def test_a_mutant_without_its_header_is_an_error(head: str, tmp_path: Path) -> None:
    path = tmp_path / "one.patch"
    path.write_text(head + DIFF)
    with pytest.raises(LabError, match="is no mutant"):
        patches.read(path)


def a_check(name: str, *needs: str) -> Check:
    return Check(name, "build", 1, 1, needs, "", "engine", "shared", False, "", "")


def test_one_whose_checks_another_would_hide_comes_into_another_group(tmp_path: Path) -> None:
    known = {
        name: a_check(name, *needs) for name, needs in {"top": (), "child": ("top",), "other": ()}.items()
    }
    (tmp_path / "it").write_text("old\n" + "same\n" * 20 + "old\n")
    sources = implementations.Implementation(
        "made up", tmp_path, (".",), implementations.C.engine, implementations.C.monitor
    )
    first = "--- a/it\n+++ b/it\n@@ -1,4 +1,4 @@\n-old\n+new\n same\n same\n same\n"
    last = "--- a/it\n+++ b/it\n@@ -19,4 +19,4 @@\n same\n same\n same\n-old\n+new\n"
    made = {}
    for name, loses, hunk in (
        ("a", "top", first),
        ("b", "child", last),
        ("c", "other", last),
        ("d", "other\nAlone.", last),
        ("e", "other\nNot beside: f, b", first),
        ("f", "child", last),
    ):
        path = tmp_path / f"{name}.patch"
        path.write_text(f"It is broken.\n\nLoses: {loses}\n\ndiff --git a/it b/it\n{hunk}")
        made[name] = patches.read(path)
    found = together.groups(sources, made.values(), known)
    assert [[each.name for each in group] for group in found] == [["a", "c"], ["b"], ["d"], ["e"], ["f"]]


def test_neighbours_are_those_whose_scenarios_run_anyway() -> None:
    known = {
        "top": (a_check("top"), frozenset({"world"})),
        "named": (a_check("named", "top"), frozenset({"logs"})),
        "beside": (a_check("beside", "top"), frozenset({"logs"})),
        "below another": (a_check("below another", "elsewhere"), frozenset({"logs"})),
        "elsewhere": (a_check("elsewhere"), frozenset({"flood"})),
        "by itself": (a_check("by itself"), frozenset()),
    }
    assert short.neighbourhood(known, frozenset({"named"})) == {"top", "named", "beside"}


def verdict(name: str, which: Verdict) -> CheckResult:
    return CheckResult(name, "build", 1, which, 0, 1, actual="seen")


@pytest.mark.parametrize(
    ("verdicts", "kept", "too_much", "undecided"),
    [
        ({"a": "failed", "b": "skipped", "c": "passed"}, (), (), ()),
        ({"a": "passed", "b": "passed", "c": "passed"}, ("a",), (), ()),
        ({"a": "skipped", "b": "passed", "c": "failed"}, ("a",), ("c: seen",), ()),
        ({"a": "failed", "b": "passed", "c": "error"}, (), (), ("c: seen",)),
        ({"b": "passed"}, ("a",), (), ()),
    ],
)
def test_exactly_what_is_named_must_be_lost(
    verdicts: dict[str, Verdict], kept: tuple[str, ...], too_much: tuple[str, ...], undecided: tuple[str, ...]
) -> None:
    found = {name: verdict(name, which) for name, which in verdicts.items()}
    result = outcome.compare("c", "it", ["a"], found, 1)
    assert (result.kept, result.too_much, result.undecided) == (kept, too_much, undecided)
    assert result.is_right == (not (kept or too_much or undecided))


def test_the_whole_form_reads_what_the_suite_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = {name: verdict(name, "passed") for name in ("a.b", "a.c")}

    def suite(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        [results] = [word.partition("=")[2] for word in words if word.startswith("--boxwright-results=")]
        lines = (json.dumps(dataclasses.asdict(check)) for check in checks.values())
        Path(results).write_text("".join(f"{line}\n" for line in lines))
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(subprocess, "run", suite)
    monkeypatch.setattr("grading.run.machines.remove", lambda machine: None)
    monkeypatch.setattr(implementations.Implementation, "copy", lambda self, to: None)
    assert whole.grade(implementations.REFERENCE) == checks


def test_a_kernels_lines_are_shown_with_their_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ("[container_monitor] oops", "Modules linked in: [/submission/monitor]")
    lost = CheckResult("hard.a", "hard", 1, "failed", 0, 1, actual="it broke", kernel=lines)
    wrong = outcome.compare("c", "it", [], {"hard.a": lost}, 1)
    table, as_it_comes = io.StringIO(), io.StringIO()
    Console(file=table, width=200).print(outcome.shown([wrong]))
    monkeypatch.setattr(console, "err", Console(file=as_it_comes, width=200))
    told = runpy.run_path(str(Path(outcome.__file__).with_name("__main__.py")), run_name="gate")["_told"]
    assert list(told(iter([wrong]))) == [wrong]
    assert all(line in said.getvalue() for said in (table, as_it_comes) for line in lines)
