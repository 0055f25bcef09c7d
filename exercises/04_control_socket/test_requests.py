"""The command line: what is taken, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from grading.api import check, expect, scenario
from grading.api.allowance import BEARS
from grading.api.container import Container, and_said
from grading.api.engine import CLIENT_SECONDS, Engine
from grading.guest.observer import GuestError, Observer
from grading.guest.records import Finished


@dataclass(frozen=True)
class Refusals:
    """Requests that must not be carried out."""

    done: dict[str, Finished]
    ran: dict[str, bool]
    strays: list[str]
    """Files that a bad id has made."""
    fatal: frozenset[str] = frozenset()
    """Those that have ended the supervisor: nothing is carried out then, but nothing is refused either."""


@dataclass
class Attempts:
    """Starts that must be refused, each with a rootfs of its own and a command that would be seen."""

    engine: Engine
    observer: Observer
    done: dict[str, Finished] = field(default_factory=dict)
    ran: dict[str, bool] = field(default_factory=dict)

    def start(self, name: str, identifier: str, *options: str) -> None:
        """Try one; `name` says what is wrong with it."""
        engine, root = self.engine, self.engine.new_rootfs()
        self.done[name] = engine("start", identifier, root.path, engine.command(root, "sleep 555"), *options)
        self.ran[name] = any(root.probe in each.words for each in self.observer.processes())
        engine.expect_supervisor()  # one that has ended refuses everything


ODD = ("begins with a dot", "holds a space")
"""Only level 2 asks that these ids are refused."""


@scenario(containers=BEARS)
def refused_ids(engine: Engine, observer: Observer) -> Refusals:
    """Ids that are none.

    Apart from the others at level 1: what is taken of them has a line in `ps` that cannot be told from a neighbour's.
    """
    attempts = Attempts(engine, observer)
    for name, identifier in {
        "leads out": "../bwstray", "is empty": "", "is too long": "a" * 32, "holds a slash": "bw/stray",
        "begins with a dot": ".bwstray", "holds a space": "bw stray",
    }.items():  # fmt: skip
        if engine.level == 2 or name not in ODD:
            attempts.start(name, identifier)
    strays = []
    for folder in (engine.folder, "/var/log", "/tmp", "/var", "/run", "/", "/srv"):
        try:
            strays += [f"{folder}/{name}" for name in observer.names(folder) if "bwstray" in name]
        except GuestError:
            continue
    return Refusals(attempts.done, attempts.ran, strays)


@scenario(containers=5)
def refused_options(engine: Engine, observer: Observer) -> Refusals:
    """Limits and nice values that are none."""
    attempts = Attempts(engine, observer)
    for name, *options in (
        ("soft above hard", "--soft-mib", "64", "--hard-mib", "32"),
        ("a limit that is no number", "--soft-mib", "much"),
        ("a negative limit", "--hard-mib", "-5"),
        ("nice 20", "--nice", "20"),
        ("nice -21", "--nice", "-21"),
    ):
        if engine.level == 2 or name == "soft above hard":
            attempts.start(name, engine.new_id("refused"), *options)
    return Refusals(attempts.done, attempts.ran, [])


@scenario(containers=1)
def refused_words(engine: Engine) -> Refusals:
    """Names that nobody knows, and words that are missing."""
    words = {
        "an unknown command": ("dance",), "stop of an unknown id": ("stop", "nobody-here"),
        "logs of an unknown id": ("logs", "nobody-here"),
        "start without a command": ("start", engine.new_id("short"), "/srv"),
    }  # fmt: skip
    done: dict[str, Finished] = {}
    fatal: set[str] = set()
    for name, each in words.items():
        # That is the failure of the one before, and not of this one. Beside others the client finds it out.
        if not engine.supervisor_lives and not engine.is_shared():
            engine.start_supervisor()
        done[name] = engine(*each)
        if not engine.supervisor_lives:
            fatal.add(name)
    return Refusals(done, {}, [], frozenset(fatal))


def refused(refusals: Refusals, *names: str) -> None:
    """Fail unless these were refused, with a message (level 1 does not say on which output), and did nothing."""
    for name in names:
        done = refusals.done[name]
        expect(name not in refusals.fatal, f"{name}: the supervisor lives on", "it has ended")
        expect(
            not done.crashed, f"{name}: refused, with a status", f"a signal ended the client: {done.ending}"
        )
        expect(
            done.refuses,
            f"{name}: refused, with a status other than 0",
            f"status {done.ending} {and_said(done.said)}{'; its container runs' * refusals.ran.get(name, False)}",
        )
        expect(done.said, f"{name}: a message", "nothing was said")
        expect(not refusals.ran.get(name), f"{name}: nothing runs", "a process was started")


@check(
    "client",
    points=2,
    needs=["containers.starts"],
    hint="Look at every character, before the id becomes part of a path.",
)
def test_bad_ids_are_refused(refused_ids: Refusals) -> None:
    """An id that is none is refused and touches nothing.

    An id becomes the name of a log file: `../x` would be a file of somebody else's.
    """
    refused(refused_ids, "leads out", "is empty", "is too long", "holds a slash")
    expect(not refused_ids.strays, "no file outside of the logs", refused_ids.strays)


@check(
    "client",
    level=2,
    needs=["client.bad_ids_are_refused"],
    hint="A-Z a-z 0-9 . _ -, the first a letter or digit.",
)
def test_odd_ids_are_refused(refused_ids: Refusals) -> None:
    """An id begins with a letter or digit and holds no space."""
    refused(refused_ids, "begins with a dot", "holds a space")


@check("client", needs=["containers.starts"], hint="Compare them after both were read.")
def test_soft_above_hard_is_refused(refused_options: Refusals) -> None:
    """A soft limit above the hard one is refused."""
    refused(refused_options, "soft above hard")


@check("client", level=2, needs=["containers.starts"], hint="strtol() tells where it stopped.")
def test_numbers_are_checked(refused_options: Refusals) -> None:
    """Limits and nice values that make no sense are refused."""
    refused(refused_options, "a limit that is no number", "a negative limit", "nice 20", "nice -21")


@check("client", needs=["containers.starts"])
def test_unknown_things_fail(refused_words: Refusals) -> None:
    """What is not known fails: a command, an id."""
    refused(refused_words, "an unknown command", "stop of an unknown id", "start without a command")


@check(
    "client",
    needs=["containers.starts"],
    needs_at_2=["client.unknown_things_fail"],
    hint="An empty answer with status 0 looks like a container that said nothing.",
)
def test_logs_of_an_unknown_id_fail(refused_words: Refusals) -> None:
    """`logs` of an unknown id fails."""
    refused(refused_words, "logs of an unknown id")


@check(
    "client",
    level=2,
    needs=["client.unknown_things_fail"],
    hint="Whoever reads standard output expects results there.",
)
def test_messages_stand_on_standard_error(
    refused_ids: Refusals, refused_options: Refusals, refused_words: Refusals
) -> None:
    """A failure is explained on standard error, with status 125."""
    for name, done in {**refused_ids.done, **refused_options.done, **refused_words.done}.items():
        if name not in ("is empty", "soft above hard", "stop of an unknown id", "logs of an unknown id"):
            continue
        expect(
            done.error_text.strip() and not done.text.strip(),
            f"{name}: words on standard error only",
            done.text or "none",
        )
        expect(done.code == 125, f"{name}: status 125, an error of the engine", done.code)


@dataclass
class Commands:
    """Programs that cannot be executed, and arguments that must arrive."""

    one_string: list[str]
    longest_id: Finished
    arguments: list[str] = field(default_factory=list)
    """Only at level 2, and what stands below."""
    missing: Finished | None = None
    missing_run: Finished | None = None
    not_executable: Finished | None = None


@scenario(containers=6)
def commands(engine: Engine, observer: Observer) -> Commands:
    """Start what is not there, what is no program, and what has arguments."""

    def seen(container: Container, *, was_taken: bool) -> list[str]:
        try:
            view = container.view() if was_taken else {}
        except AssertionError:  # this costs the checks of arguments, and no other
            view = {}
        found: list[str] = []
        while f"argv.{len(found)}" in view:
            found.append(view[f"argv.{len(found)}"].decode("utf-8", "backslashreplace"))
        return found[3:]

    third = engine.container("args")
    # It lives until it was looked at: of an engine that copies the rootfs nothing stays. A client may wait so long.
    words = f"{third.rootfs.probe} view {third.rootfs.nonce} 600 red green"
    third.client = engine.begin("start", third.id, third.rootfs.path, words, timeout=CLIENT_SECONDS)
    one_string = seen(third, was_taken=True)
    third.kill()
    third.client.wait()
    long_root = engine.new_rootfs()
    long_id = (engine.new_id("long.id_with-all") + "0" * 31)[:31]
    longest = engine("start", long_id, long_root.path, engine.command(long_root, "exit 0"))
    found = Commands(one_string, longest)
    if engine.level == 2:
        root = engine.new_rootfs()
        observer.write(f"{root.path}/plain", b"no program\n")
        found.missing = engine("start", engine.new_id("missing"), root.path, "/no/such/program")
        found.missing_run = engine("run", engine.new_id("missing"), root.path, "/no/such/program", timeout=20)
        found.not_executable = engine("start", engine.new_id("plain"), root.path, "/plain")
        other = engine.container("args")
        done = engine(
            "start",
            other.id,
            other.rootfs.path,
            other.rootfs.probe,
            "view",
            other.rootfs.nonce,
            "0",
            "two words",
            "",
            "$HOME;*",
            "ü",
        )
        found.arguments = seen(other, was_taken=done.code == 0)
    return found


@check(
    "client",
    needs=["containers.starts"],
    needs_at_2=["client.bad_ids_are_refused"],
    hint="31 characters and a NUL are 32 bytes.",
)
def test_longest_id_is_taken(commands: Commands) -> None:
    """An id of 31 characters is taken."""
    done = commands.longest_id
    expect(done.code == 0, "`start` succeeds", f"{done.code}: {done.text + done.error_text}")


@check("client", needs=["containers.starts"], hint="Split it at spaces, or let the container's shell do so.")
def test_one_string_is_split(commands: Commands) -> None:
    """A command in one string arrives as its words."""
    expect(commands.one_string[-2:] == ["red", "green"], "the words `red` and `green`", commands.one_string)


@check(
    "client",
    level=2,
    needs=["client.one_string_is_split"],
    hint="Send them as a list; a line of text cannot carry every argument.",
)
def test_arguments_arrive_unchanged(commands: Commands) -> None:
    """Separate arguments arrive unchanged: spaces, nothing, and signs of the shell included."""
    expected = ["0", "two words", "", "$HOME;*", "ü"]
    got = commands.arguments
    expect(got == expected or got == expected[1:], repr(expected[1:]), got)


@check(
    "client",
    level=2,
    points=2,
    needs=["containers.starts"],
    hint="A pipe with O_CLOEXEC: exec closes it, a failure writes errno into it.",
)
def test_start_tells_what_cannot_be_executed(commands: Commands) -> None:
    """`start` never reports success for a program that did not start: 127 not found, 126 not executable."""
    assert commands.missing is not None and commands.not_executable is not None
    expect(
        commands.missing.code == 127,
        "127 for a program that is not there",
        f"{commands.missing.code}: {commands.missing.text}",
    )
    expect(commands.missing.error_text.strip(), "words on standard error", "none")
    expect(
        commands.not_executable.code == 126, "126 for a file that is no program", commands.not_executable.code
    )


@check("client", level=2, needs=["client.start_tells_what_cannot_be_executed"])
def test_run_tells_what_cannot_be_executed(commands: Commands) -> None:
    """`run` of a program that is not there ends with 127."""
    assert commands.missing_run is not None
    expect(
        commands.missing_run.code == 127, "127", f"{commands.missing_run.code}: {commands.missing_run.text}"
    )
