"""Run an experiment in a machine: as many repetitions as are asked for, each kept as soon as it is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.demo.facts import Unreadable
from lab.errors import LabError
from lab.experiments.bench import Bench, bench, check
from lab.experiments.guest.engine import digest
from lab.experiments.model import Experiment, Kind, Provenance
from lab.experiments.settings import Values, number
from lab.experiments.store import Store
from lab.machine.protocol import Machine

MOST_REPETITIONS = 1000


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came while a machine was set up or measured.

    Args:
        machine: its name.
        is_clear: whether nothing of the experiment is left in it; not so where Ctrl-C came a second time.
        kept: how many whole repetitions are where, as `Store.kept`.
    """

    def __init__(self, machine: str, *, is_clear: bool, kept: str) -> None:
        super().__init__()
        self.machine = machine
        self.is_clear = is_clear
        self.kept = kept


def run(
    machine: Machine,
    accelerator: str,
    kind: Kind,
    values: Values,
    repetitions: int,
    folder: Path,
    progress: Progress,
    heard: Callable[[int, str], None],
) -> Experiment:
    """Run an experiment and keep it in a new file.

    Args:
        machine: running, with an engine and the base rootfs in it.
        accelerator: what emulates it, for the provenance.
        kind: of experiment.
        values: its settings, all of them.
        repetitions: how many.
        folder: where the file goes; made if it is not there.
        progress: told what is under way.
        heard: told of each repetition, by its number, what came of it.

    Raises:
        LabError: it could not be set up, or a repetition failed; those before it are in the file.
        Interrupted: somebody ended it.
    """
    monitored = kind.by_monitor(values)
    check(machine, monitored=monitored)
    try:
        # Before the machine is touched: an hour's figures should have somewhere to go.
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise LabError(f"{folder} is a file, not a folder", "Name another place with -o.") from None
    store: Store | None = None
    place: Bench | None = None
    try:
        with bench(machine) as place:
            progress.step(f"Setting up the experiment in {machine.name}")
            place.set_up(
                monitored=monitored,
                scan_interval_ms=number(values, "scan_interval_ms") if monitored else None,
                roots=kind.rootfs(values),
            )
            store = Store(folder, _provenance(place, accelerator, kind, values, repetitions))
            for repetition in range(1, repetitions + 1):
                progress.step(f"Repetition {repetition} of {repetitions}")
                with _told_as_errors(machine, repetition, store):
                    done = store.add(kind.repeat(place, values, repetition))
                heard(repetition, kind.told(done))
            progress.step(f"Clearing {machine.name}")
    except KeyboardInterrupt:
        if place is None:
            raise
        kept = store.kept if store else ""
        raise Interrupted(machine.name, is_clear=place.is_clear, kept=kept) from None
    return done


@contextlib.contextmanager
def _told_as_errors(machine: Machine, repetition: int, store: Store) -> Iterator[None]:
    """What goes wrong in a repetition names it, and where those before it are."""
    kept = f" {store.kept}." if store.kept else ""
    try:
        yield
    except Unreadable as error:
        raise LabError(
            f"Repetition {repetition} failed in machine {machine.name!r}: {error}",
            f"Run it again; `lab check` tells whether the engine does its part.{kept}",
        ) from error
    except LabError as error:
        raise LabError(
            f"Repetition {repetition} failed: {error.what}", f"{error.remedy}{kept}".strip(), detail=error.detail
        ) from error  # fmt: skip


def _provenance(
    place: Bench, accelerator: str, kind: Kind, values: Values, repetitions: int
) -> Provenance:  # fmt: skip
    kernel, processors = place.machine.run("uname -r; nproc").text.splitlines()
    engine = place.engine()
    ours = digest(paths.CHECKOUT / "runtime/engine")
    return Provenance(
        kind=kind.name,
        parameters=values,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        kernel=kernel,
        accelerator=accelerator,
        processors=int(processors),
        engine=f"{'reference' if engine == ours else 'other'} {engine}",
        repetitions=repetitions,
    )
