"""The process that keeps a workspace's guest between two commands: one for each workspace, started by `lab check`.

It speaks JSON lines over a UNIX socket in its folder. A request is one line, `{"do": "check", …}`; answers are
`{"step": …}` as things go on, `{"checks": [IDS], "parents": NUMBER}` before the first `{"verdict": …}`, and at
last `{"done": …}`, `{"error": …}` or `{"other": …}`, the last where the kit has changed since this process was
started. Who hangs up cancels. After each request the guest is made ready for the next, so that nobody waits for
it. It ends, and its machine with it, when nobody has asked for anything for a while; and by itself when its
machine was taken down.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from grading.guest.delivery import TREE
from grading.guest.tools import tools
from grading.guest.vm import remove_guest
from grading.run.catalogue import all_checks
from grading.student import evidence, trial
from grading.student.bench import Bench, WorkspaceSession
from grading.student.places import LOCK, MACHINE, SOCKET, stamp
from grading.student.store import Store
from grading.student.trial import Place
from grading.student.work import Work, read, refusal
from grading.verdicts import CheckResult
from lab.console import NoProgress
from lab.errors import LabError
from lab.exercises import catalogue
from lab.machine import process
from lab.machine.record import machine_folder
from lab.program import is_somewhere
from lab.workspace import state
from lab.workspace.state import Workspace

IDLE_SECONDS = 30 * 60.0
"""Without a request, until the machine is taken away: it has a gigabyte of memory."""

LOOK_SECONDS = 3.0
"""Between two looks whether the machine and the workspace are still there."""

REQUEST_SECONDS = 5.0


class Hungup(Exception):
    """Nobody is there any more to be told."""


class _Client:
    """Who asked. Also a `Progress`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def request(self) -> dict[str, Any]:
        """What is asked for."""
        self._connection.settimeout(REQUEST_SECONDS)
        line = self._connection.makefile("rb").readline(1 << 20)
        self._connection.settimeout(None)
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("a request is an object")
        return value

    def tell(self, **event: object) -> None:
        """Send a line. Raises `Hungup` where nobody listens."""
        try:
            with self._lock:
                self._connection.sendall(json.dumps(event).encode() + b"\n")
        except OSError as error:
            raise Hungup from error

    def step(self, text: str) -> None:
        """As `Progress`."""
        self.tell(step=text)

    def detail(self, text: str) -> None:
        """Ignored: steps are short."""

    def has_hung_up(self, seconds: float) -> bool:
        """Whether it closes its end within so many seconds."""
        ready, _, _ = select.select([self._connection], [], [], seconds)
        if not ready:
            return False
        with contextlib.suppress(OSError):
            return self._connection.recv(1) == b""
        return True


class Keeper:
    """All that is kept, and what is done with it.

    Args:
        workspace: the student's folder.
        machine: the name of the guest's machine.
        home: a folder of ours, for this workspace alone.
    """

    def __init__(self, workspace: Path, machine: str, home: Path) -> None:
        self._folder = workspace
        self._machine = machine
        self._home = home
        self._stamp = stamp()
        self._bench: Bench | None = None
        self._work: Work | None = None
        self._cancelled = False
        self.over = False
        self._places: dict[str, Place] = {
            check.id: Place(check, exercise.number, exercise.folder)
            for exercise in catalogue.exercises()
            for check in all_checks(exercise.folder)
        }

    def serve(self, listener: socket.socket) -> None:
        """Answer one request after another, until it is time to end."""
        asked = time.monotonic()
        while not self.over:
            ready, _, _ = select.select([listener], [], [], LOOK_SECONDS)
            if ready:
                connection, _ = listener.accept()
                with contextlib.closing(connection):
                    self._answer(_Client(connection))
                self._make_ready()
                asked = time.monotonic()
            elif time.monotonic() - asked > IDLE_SECONDS or not self._is_wanted():
                self.over = True

    def close(self) -> None:
        """Take the machine away, unless somebody has taken it over or down."""
        if self._bench is not None:
            self._bench.drop()
            if process.running_pid(machine_folder(self._machine)) is not None:
                remove_guest(self._machine)

    def _is_wanted(self) -> bool:
        """Whether workspace and machine are still there."""
        if not (self._folder / state.FILE).is_file():
            return False
        return (
            self._bench is None
            or self._bench.guest is None
            or process.running_pid(machine_folder(self._machine)) is not None
        )

    # One request

    def _answer(self, client: _Client) -> None:
        self._cancelled = False
        finished = threading.Event()
        try:
            request = client.request()
            if request.get("stamp") != self._stamp:
                self.over = True
                client.tell(other="the kit has changed")
                return
            if not is_somewhere():
                self.over = True
                client.tell(other="the folder that it was started in is gone")
                return
            watcher = threading.Thread(target=self._watch, args=(client, finished), daemon=True)
            watcher.start()
            try:
                self._do(request, client, finished)
            finally:
                finished.set()
                watcher.join()
        except Hungup:
            self._cancelled = True
        except KeyboardInterrupt:
            if not self._cancelled:
                raise
        except LabError as error:
            self._refuse(client, error)
        except (OSError, ValueError) as error:
            self._refuse(client, LabError(f"The guest's keeper could not do it: {error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the student gets a sentence
            traceback.print_exc()
            self._refuse(
                client,
                LabError(
                    f"The kit itself failed: {type(error).__name__}: {error}",
                    f"{self._home / 'keeper.log'} has the details for whoever mends it; try again.",
                    exit_status=3,
                ),
            )
        if self._cancelled and self._bench is not None:
            self._bench.drop()

    def _watch(self, client: _Client, finished: threading.Event) -> None:
        """End what is under way when nobody waits for it any more."""
        while not finished.is_set():
            if client.has_hung_up(0.2) and not finished.is_set():
                self._cancelled = True
                bench = self._bench
                if bench is not None and bench.guest is not None:
                    bench.guest.observer.close()  # whoever waits for an answer waits no longer
                # A signal, since it ends also a wait in the main thread.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return

    def _refuse(self, client: _Client, error: LabError) -> None:
        with contextlib.suppress(Hungup):
            value = {"what": error.what, "remedy": error.remedy, "detail": error.detail}
            client.tell(error={**value, "status": max(error.exit_status, 2)})

    def _do(self, request: dict[str, Any], client: _Client, finished: threading.Event) -> None:
        if request.get("do") != "check":
            raise LabError(f"Nobody here can do {request.get('do')!r}")
        began = time.monotonic()
        workspace = state.read(self._folder)
        number = str(request["exercise"])
        ids = trial.chosen(self._places, number, [str(each) for each in request["only"]])
        work = read(workspace)
        if (problem := refusal(work)) is not None:
            raise problem
        session = self._session(workspace, work, client)
        broken_before = session.replaced
        client.tell(
            checks=ids,
            parents=len(trial.with_parents(self._places, ids)) - len(ids),
        )
        guest = session.guest
        client.step("Running the checks")
        counted = {"done": 0}

        def tell(verdict: CheckResult) -> None:
            counted["done"] += 1
            place = self._places[verdict.id]
            client.tell(verdict=dataclasses.asdict(verdict), exercise=place.exercise, half=place.check.half)

        verdicts = trial.run(session, self._places, ids, tell)
        seen = evidence.gather(session)
        evidence.write(workspace, seen)
        assert session.built is not None
        finished.set()  # from now on, who hangs up has got what was asked for
        client.tell(
            done={
                "seconds": round(time.monotonic() - began, 2),
                "digests": work.digests,
                "notes": work.notes,
                "built": {"engine": session.built.engine.words, "monitor": session.built.module.words},
                "tracebacks": trial.tracebacks(session, TREE),
                "machine": self._machine,
                "replaced": session.replaced - broken_before,
                "kernel": guest.kernel,
                "measured": session.measured,
                "decided": len(verdicts),
            }
        )
        self._after(session, verdicts, workspace)

    def _session(self, workspace: Workspace, work: Work, client: _Client) -> WorkspaceSession:
        if self._bench is None:
            self._bench = Bench(self._machine, tools(client), client, Store(self._home / "products"))
        self._bench.progress = client
        self._work = work
        seed = f"{workspace.course_seed} {workspace.student}"
        whose = workspace.student, workspace.course_seed
        return WorkspaceSession.of(self._bench, work, seed, secrets.token_hex(2), whose)

    def _after(
        self, session: WorkspaceSession, verdicts: dict[str, CheckResult], workspace: Workspace
    ) -> None:
        """Gather what takes a while; and give up a guest in which the module may have left something."""
        bench = session.bench
        bench.progress = NoProgress()
        with contextlib.suppress(LabError, OSError):
            evidence.write_containers(workspace, session)
        suspicious = any(
            verdict.verdict == "failed" and self._places[id_].check.half != "engine"
            for id_, verdict in verdicts.items()
        )
        if suspicious or session.replaced:
            bench.drop()

    def _make_ready(self) -> None:
        """Have a guest for the next request, with what is known of the sources in it."""
        bench = self._bench
        if bench is None or self.over:
            return
        bench.progress = NoProgress()
        try:
            bench.clean()
            if bench.guest is None and self._work is not None and self._is_wanted():
                session = WorkspaceSession.of(bench, self._work, "", "")
                _ = session.guest
                bench.good = True
        except (LabError, OSError, KeyboardInterrupt):
            traceback.print_exc()
            bench.drop()


def main(workspace: str, machine: str, home: str) -> None:
    """Serve a workspace in a process of its own; the one that was started ends when that is ready.

    Where another process serves it already, nothing is done.
    """
    folder = Path(home)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        (folder / MACHINE).write_text(machine)
        (folder / SOCKET).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            with contextlib.chdir(folder):  # the socket's path may be too long for its address (unix(7))
                listener.bind(SOCKET)
            listener.listen(8)
            keeper = Keeper(Path(workspace), machine, folder)
            if os.fork():
                os._exit(0)  # whoever started us now knows that somebody listens

            def end(number: int, frame: object) -> None:
                keeper.over = True
                raise KeyboardInterrupt

            signal.signal(signal.SIGTERM, end)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    keeper.serve(listener)
            finally:
                (folder / SOCKET).unlink(missing_ok=True)
                keeper.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
