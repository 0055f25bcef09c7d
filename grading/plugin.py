"""The pytest plugin: hands the session to checks, and makes a verdict of each.

    ./bootstrap.sh pytest exercises                      # the reference, in a fresh VM
    ./bootstrap.sh pytest exercises -k logs --boxwright-job job.json   # what `grade` itself runs

Checks run in the order before, shared, alone. Each is watched: what the kernel complains of
while it runs is pinned on it, the guest is replaced, and the others go on. A check that ends in
an error of ours, or loses the machine, is run again in a fresh guest before anything is said.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from grading.api.allowance import BEARS
from grading.api.checks import MARK, Check
from grading.api.expectations import Unmet, shown
from grading.api.scenarios import KNOWN
from grading.fixtures import Fixtures
from grading.guest.delivery import TREE
from grading.guest.kernel_watch import Trouble
from grading.guest.observer import GuestError
from grading.halves import Built
from grading.run.job import Job, open_session
from grading.session import NOTHING, Session
from grading.verdicts import CheckResult, Verdict
from lab.errors import LabError, MachineError, sentence

NAME = "boxwright-grading"
"""Of the object with the hooks, among pytest's plugins."""

STAGES = {"before": 0, "shared": 1, "alone": 2}
ATTEMPTS = 2
"""How often a check may lose its machine, or end in an error of ours, before that is its verdict."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `grade` passes on."""
    group = parser.getgroup("boxwright")
    group.addoption("--boxwright-job", metavar="FILE", help="what to grade, as `grade` writes it")
    group.addoption("--boxwright-results", metavar="FILE", help="a JSON line for each verdict")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the mark means, and begin."""
    config.addinivalue_line("markers", "vm: needs a running lab VM")
    config.addinivalue_line("markers", f"{MARK}(check): a check of the grader; see grading.api.check")
    if not config.pluginmanager.has_plugin(NAME):  # a caller may have brought one with a guest of its own
        config.pluginmanager.register(Grading(config), NAME)


class Outcome:
    """What one run of a check came to."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.skipped = ""
        self.trouble: Trouble | None = None
        self.is_gone = False
        """Whether the machine did not answer when it was looked at afterwards."""
        self.was_beside = False
        """Whether scenarios ran meanwhile: what they do, others feel."""
        self.seconds = 0.0

    @property
    def lost(self) -> bool:
        """Whether the machine was lost meanwhile."""
        return (
            self.is_gone or isinstance(self.error, MachineError) or bool(self.trouble and self.trouble.fatal)
        )

    @property
    def is_ours(self) -> bool:
        """Whether something went wrong that no submission is to blame for, as far as can be told."""
        return self.error is not None and not isinstance(
            self.error, (AssertionError, GuestError, MachineError, pytest.fail.Exception)
        )


class Grading(Fixtures):
    """The hooks, and what they share."""

    def __init__(self, config: pytest.Config) -> None:
        path = config.getoption("--boxwright-job")
        self.job = Job.read(Path(path)) if path else Job.reference()
        results = config.getoption("--boxwright-results")
        self.results = Path(results).open("a") if results else None  # noqa: SIM115 - as long as pytest runs
        self._session: Session | None = None
        self.verdicts: dict[str, CheckResult] = {}
        self._outcome = Outcome()
        self._told: dict[str, object] = {}
        self._measured = 0
        self._broke: dict[str, str] = {}
        """Scenarios that broke the guest, and the check on which that was pinned."""

    @property
    def session(self) -> Session:
        """Made when the first check asks for it."""
        if self._session is None:
            try:
                self._session = open_session(self.job)
            except LabError as error:
                self._tell({"about": {"problem": sentence(error.what), "advice": error.remedy}})
                pytest.exit(str(error), returncode=error.exit_status)
        return self._session

    def _tell(self, value: object) -> None:
        if self.results:
            self.results.write(json.dumps(value) + "\n")
            self.results.flush()

    def _about(self) -> None:
        """What was taken and built, once it is known, and whenever there is more to say of it."""
        session = self._session
        if session is None or (session.built is None and not session.is_empty):
            return
        built = session.built or Built(NOTHING, NOTHING)
        parts: dict[str, object] = {}
        if session.built is not None:
            # A guest that was lost is not replaced for this.
            parts["kernel"] = self._told.get("kernel") or session.guest.kernel
        for name, half, product, remark in (
            ("engine", session.engine_half, built.engine, session.starts.remark),
            ("monitor", session.module_half, built.module, ""),
        ):
            path = half.folder.removeprefix(TREE).strip("/") or "."
            parts[name] = {
                "found": bool(half.folder),
                "path": path if half.folder and half.whose == "submission" else "",
                "built_by": "reference" if half.whose == "reference" else product.label,
                "reasons": (*half.reasons, *product.refusals, *([remark] if remark else ())),
            }
        if parts != self._told:
            self._told = parts
            self._tell({"about": parts})

    # What is run, and in which order

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Choose by level, half and name; order by stage."""
        kept: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            check = declared(item)
            if check is None:
                kept.append(item)
            elif self.job.wants(check):
                kept.append(item)
                item.add_marker(pytest.mark.vm)
            else:
                dropped.append(item)
        stage = [STAGES[check.stage] if (check := declared(item)) else 0 for item in kept]
        order = sorted(range(len(kept)), key=lambda at: stage[at])  # stable: else as they are written
        items[:] = _parents_first([kept[at] for at in order])
        if dropped:
            config.hook.pytest_deselected(items=dropped)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a check as often as it takes to know its verdict."""
        check = declared(item)
        if check is None:
            return None
        from _pytest.runner import runtestprotocol

        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        parent = self._missing_parent(check) or self._broken_by(item)
        if parent:
            self._conclude(check, "skipped", Outcome(), parent=parent)
            report = _report(item, "skipped", f"needs {parent}")
            item.session._setupstate.teardown_exact(nextitem)  # what the check before it left for this one
        else:
            outcome = Outcome()
            for attempt in range(ATTEMPTS + 1):
                self._outcome = Outcome()
                began = time.monotonic()
                self._begin_scenarios(item, check)
                self._outcome.was_beside = self.session.scenarios.unlooked_at()
                with self._room(item, check):
                    runtestprotocol(item, log=False, nextitem=nextitem)
                outcome = self._outcome
                outcome.seconds = time.monotonic() - began
                if not self._again(item, check, outcome, attempt):
                    break
                if hasattr(item, "_initrequest"):
                    item._initrequest()  # as a fresh item: pytest keeps what its fixtures gave
            verdict = self._judge(item, check, outcome)
            report = _report(item, verdict, self.verdicts[check.id].actual)
        item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _begin_scenarios(self, item: pytest.Item, check: Check) -> None:
        """Let what this stage will look at begin, when its first check does."""
        if self.session.is_empty:
            return
        if check.stage == "alone":
            # Nobody asks for what is left of the other stages: its checks were skipped for their parents.
            self.session.scenarios.drop_queued()
            return
        checks = {other: found for other in item.session.items if (found := declared(other))}
        by_id = {found.id: found for found in checks.values()}
        wanted = []
        for other, found in checks.items():
            if found.stage == check.stage and not self._missing_ancestor(found, by_id):
                wanted += [KNOWN[name] for name in getattr(other, "fixturenames", ()) if name in KNOWN]
        if wanted and not self.session.scenarios.one_by_one:
            if check.stage == "shared":
                # One that does not start is the failure of each check that asks for it, told there.
                with suppress(AssertionError, LabError, OSError):
                    self.session.engine()
            if self.session.level == 1:
                # Who has a supervisor of its own is beside nobody. It begins when a check asks for it, whose parents
                # have passed: where `run` does not return, say, most of these would only wait.
                wanted = [each for each in wanted if each.containers < BEARS]
            wanted.sort(key=lambda each: -each.waits)
            self.session.scenarios.begin(list(dict.fromkeys(wanted)))

    def _room(self, item: pytest.Item, check: Check) -> AbstractContextManager[None]:
        """Room for the containers of a check that starts them itself; a scenario has its own."""
        names: list[str] = getattr(item, "fixturenames", [])
        if "engine" not in names or any(name in KNOWN for name in names):
            return nullcontext()
        return self.session.allowance.room(check.containers)

    def _broken_by(self, item: pytest.Item) -> str:
        """The id of the check on which it was pinned that a scenario of this one breaks the guest.

        It would break the next guest, too; once is enough.
        """
        names: list[str] = getattr(item, "fixturenames", [])
        return next((self._broke[name] for name in names if name in self._broke), "")

    def _missing_ancestor(self, check: Check, checks: Mapping[str, Check]) -> bool:
        """Whether it will be skipped: a parent did not pass, or will be skipped itself."""
        left, seen = [check], set[str]()
        while left:
            each = left.pop()
            if self._missing_parent(each):
                return True
            if not self._stood_in_for(each):
                needs = each.parents(self.session.level)
                left += [checks[need] for need in needs if need in checks and need not in seen]
                seen |= set(needs)
        return False

    def _missing_parent(self, check: Check) -> str:
        """The id of a parent that was run and did not pass; empty where there is none."""
        if self._stood_in_for(check):
            return ""
        for need in check.parents(self.session.level):
            found = self.verdicts.get(need)
            if found is not None and found.verdict != "passed":
                return need
        return ""

    def _stood_in_for(self, check: Check) -> bool:
        """Whether its parents do not matter: another check showed the same."""
        return any(
            each in self.verdicts and self.verdicts[each].verdict == "passed" for each in check.otherwise
        )

    def _again(self, item: pytest.Item, check: Check, outcome: Outcome, attempt: int) -> bool:
        """Look at the kernel, replace what is broken, and say whether the check must run again."""
        session = self.session
        if session.is_empty and session.built is None:
            return False  # there is no guest to look at, and none is made for this
        ended = session.scenarios.ended()
        outcome.was_beside = outcome.was_beside or session.scenarios.beside_each_other()
        try:
            outcome.trouble = session.guest.trouble(ask=not outcome.lost)
        except (LabError, OSError) as error:
            outcome.error = outcome.error or error
            outcome.is_gone = isinstance(error, MachineError)
        broken = outcome.trouble is not None or outcome.lost
        if not broken:
            session.scenarios.vouch_for(ended)
            session.vouch_for_load()
        if not broken and session.is_stuck:
            # Beside others nobody knows whose doing it was; alone it was the check's own.
            shared = not session.scenarios.one_by_one and check.stage != "alone"
            session.restart_engine()
            return shared and outcome.error is not None and attempt < ATTEMPTS
        if not broken and not outcome.is_ours:
            return False
        if broken and outcome.was_beside:
            session.replace_guest()  # who it was shows when they run one by one
            return attempt < ATTEMPTS
        session.replace_guest()
        if outcome.trouble is not None and outcome.trouble.may_be_the_hosts:
            return attempt < ATTEMPTS
        if outcome.trouble is not None and outcome.trouble.is_unexplained:
            return attempt < ATTEMPTS - 1  # in a fresh guest it shows whose doing it is
        if outcome.trouble is not None:
            return False  # the kernel's own words; once is enough
        return attempt < ATTEMPTS - 1

    def _judge(self, item: pytest.Item, check: Check, outcome: Outcome) -> Verdict:
        verdict: Verdict = "passed"
        if outcome.lost or (outcome.trouble is not None and not outcome.trouble.may_be_the_hosts):
            self.session.blame_load()
            names: list[str] = getattr(item, "fixturenames", [])
            self._broke |= {name: check.id for name in names if name in KNOWN and name not in self._broke}
        if outcome.trouble is not None:
            verdict = "error" if outcome.trouble.may_be_the_hosts and not outcome.lost else "failed"
        elif outcome.lost:
            verdict = "failed"  # twice, in fresh guests
        elif outcome.is_ours:
            verdict = "error"
        elif outcome.error is not None:
            verdict = "failed"
        elif outcome.skipped:
            verdict = "skipped"
        self._conclude(check, verdict, outcome)
        return verdict

    def _conclude(self, check: Check, verdict: Verdict, outcome: Outcome, parent: str = "") -> None:
        error = outcome.error
        expected = actual = why = hint = ""
        if isinstance(error, Unmet):
            expected, actual, why, hint = error.expected, error.actual, error.why, error.hint
        elif error is not None:
            actual = shown(str(error) or type(error).__name__)
        if outcome.trouble is not None:
            expected = "a kernel that has nothing to complain about"
            actual = outcome.trouble.lines[0]
            why = "While this check ran, the kernel complained; the machine was replaced afterwards."
        elif outcome.lost:
            expected = "a machine that goes on answering"
            why = "While this check ran, the machine stopped answering; in a fresh one it did so again."
        if verdict == "error":
            why = "This could not be decided, and it is not the submission's doing as far as can be told."
        result = CheckResult(
            id=check.id, group=check.group, level=check.level, verdict=verdict,
            points=check.points if verdict == "passed" else 0, max_points=check.points,
            title=check.title, rationale=why or check.rationale, expected=expected, actual=actual,
            hint=(hint or check.hint) if verdict == "failed" else "", parent=parent,
            kernel=outcome.trouble.lines if outcome.trouble else (), hidden=check.hidden,
            seconds=round(outcome.seconds, 3),
        )  # fmt: skip
        self.verdicts[check.id] = result
        self._about()
        self._tell(result.__dict__)
        if self._session is not None and len(self._session.measured) > self._measured:
            self._measured = len(self._session.measured)
            self._tell({"measured": self._session.measured})

    # What pytest tells of one run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
        """Keep what was raised, which a report only has as text."""
        if call.excinfo is not None:
            if isinstance(call.excinfo.value, pytest.skip.Exception):
                self._outcome.skipped = str(call.excinfo.value)
            elif self._outcome.error is None:
                self._outcome.error = call.excinfo.value
        return (yield)

    def pytest_unconfigure(self) -> None:
        """Let go of the guest."""
        if self._session is not None:
            self._session.close()
        self.job.clean_up()
        if self.results:
            self.results.close()


def _parents_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """The same order, but that each check comes after those that it needs."""
    by_id = {check.id: item for item in items if (check := declared(item))}
    found: dict[pytest.Item, None] = {}
    under_way: set[pytest.Item] = set()

    def add(item: pytest.Item) -> None:
        under_way.add(item)
        check = declared(item)
        for need in (*check.needs, *check.otherwise) if check else ():
            if need in by_id and by_id[need] not in under_way:
                add(by_id[need])
        found[item] = None

    for item in items:
        if item not in found:
            add(item)
    return list(found)


def declared(item: pytest.Item) -> Check | None:
    """What an item declares, where it is a check."""
    mark = item.get_closest_marker(MARK)
    return mark.args[0] if mark else None


def _report(item: pytest.Item, verdict: Verdict, text: str) -> pytest.TestReport:
    """What pytest shows of a verdict."""
    outcome: Any = {"passed": "passed", "skipped": "skipped"}.get(verdict, "failed")
    where = (str(item.path), item.location[1] or 0, text or verdict)
    return pytest.TestReport(
        item.nodeid, item.location, {}, outcome,
        longrepr=where if outcome == "skipped" else None if outcome == "passed" else f"{verdict}: {text}",
        when="call",
    )  # fmt: skip
