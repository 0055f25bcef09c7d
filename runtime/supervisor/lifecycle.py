"""Start, stop, shut down: what the engine does with containers, whoever asks for it.

A start, in order: record `starting`, clone (the child sets itself up and waits at a
barrier), give it its share of the CPU, lower the barrier, and read the error pipe, which
tells either what failed or, by its end of file, that the program has been executed. The
reaper knows the child before the barrier is lowered, so no exit is too fast for it.

Memory limits come right after exec: until then the process is a copy of the zygote, whose
nine megabytes are not the container's, and would pass a small limit.
"""

from __future__ import annotations

import marshal
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.cgroup import Cgroups
from supervisor.errors import EngineError
from supervisor.failures import explain
from supervisor.live import Container
from supervisor.logs import ContainerLog
from supervisor.monitor import Monitor
from supervisor.preparing import check, make_spec, set_bounds, set_shares
from supervisor.reaper import Reaper, has_executed
from supervisor.records import Record
from supervisor.registry import Registry
from supervisor.rootfs import find_rootfs
from supervisor.state import Place
from supervisor.stopping import GRACE, PATIENCE, check_ended, stop
from supervisor.volumes import find_volumes
from supervisor.zygote import Zygote, abandon

if TYPE_CHECKING:
    from supervisor.start_request import StartRequest


class Engine:
    """Everything that lives as long as the supervisor."""

    def __init__(self, place: Place, zygote: Zygote, say: Callable[[str], None]) -> None:
        self.place = place
        self.registry = Registry()
        self.reaper = Reaper(self.registry, say)
        self.zygote = zygote
        self.say = say
        self.cgroups = Cgroups.find(place.tag)
        self.monitor: Monitor | None = None
        self._finding = threading.Lock()
        self._find_monitor()
        self.reaper.watch_zygote(zygote.pid)
        self.reaper.start()

    def _find_monitor(self) -> None:
        """Use the kernel monitor from the moment its module is loaded."""
        with self._finding:  # two starts at once would open two, and one of them be heard
            if self.monitor is None:
                self.monitor = Monitor.open()
                if self.monitor is not None:
                    self.reaper.watch_monitor(self.monitor)
                    self.say(f"memory limits: the kernel monitor holds them (ABI {self.monitor.version})")

    def start(
        self, request: StartRequest, directory: str, variables: dict[bytes, bytes] | None = None
    ) -> Container:
        """Start a container; returns when its program has been executed.

        Args:
            request: what to start.
            directory: the client's working directory, where relative paths begin.
            variables: environment variables to set besides the usual ones.

        Raises:
            EngineError: it could not be started; nothing is left of it.
        """
        check(request, self.zygote.init, self.cgroups.controllers if self.cgroups is not None else [])
        variables = variables or {}
        rootfs = find_rootfs(request.rootfs, directory)
        volumes = find_volumes(request.options.volumes, directory)
        record = Record(
            id=request.id,
            rootfs=rootfs.path,
            command=request.command,
            soft_limit=request.soft_limit,
            hard_limit=request.hard_limit,
            nice=request.nice,
            cpuset=request.cpuset,
            log=str(self.place.log_of(request.id)),
            settings=request.options.describe(request.id, volumes),
        )
        container = Container(record, rootfs)
        container.shared = [volume.place for volume in volumes if not volume.read_only]
        container.spec = make_spec(request, rootfs, volumes, variables, self.zygote.init)
        withdraw = self.registry.admit(container)
        try:
            self._launch(container, request)
        except OSError as error:
            withdraw()
            where = f" ({error.filename})" if error.filename else ""
            raise EngineError(f"container {request.id} cannot be started: {error.strerror}{where}") from error
        except BaseException:
            withdraw()
            raise
        return container

    def _launch(self, container: Container, request: StartRequest) -> None:
        record = container.record
        self._find_monitor()
        log = container.log = ContainerLog(
            self.place.log_of(record.id),
            container.changed,
            lambda text: self._complain(record, text),
            request.options.join_streams,
        )
        try:
            if self.cgroups is not None:
                container.cgroup = self.cgroups.create(record.id)
                if "memory" in self.cgroups.controllers:
                    record.limits = "cgroup"
            if self.monitor is not None:
                record.limits = "monitor"
            barrier, go = os.pipe2(os.O_CLOEXEC)
            try:
                failures, errors = os.pipe2(os.O_CLOEXEC)
            except OSError:
                os.close(barrier)
                os.close(go)
                raise
            try:
                self._clone(container, barrier, errors)
            except BaseException:
                os.close(go)
                os.close(failures)
                raise
            finally:
                os.close(barrier)
                os.close(errors)
        except BaseException:
            log.discard()
            if container.cgroup is not None:
                container.cgroup.remove()
            raise
        # From here on the reaper cleans up: the child ends at the barrier if we do not lower it.
        refusal: EngineError | None = None
        try:
            log.start()
            if (cgroup := container.cgroup) is not None:  # a child that fails early loses it meanwhile
                set_shares(record, cgroup.write)
                set_bounds(request, cgroup.write)
            os.write(go, b"g")
        except BrokenPipeError:
            pass  # its set-up failed before the barrier; the error pipe tells how
        except EngineError as error:
            refusal = error
        finally:
            os.close(go)
        # region 04.failures
        with os.fdopen(failures, "rb") as pipe:
            failure = pipe.read()
        if failure:
            refusal = explain(record.id, record.command[0], marshal.loads(failure))
        # endregion 04.failures
        if refusal is None:
            try:
                self._confirm(container)
            except EngineError as error:
                refusal = error
        if refusal is not None:
            container.send(signal.SIGKILL)
            container.exited.wait(PATIENCE)
            log.join(PATIENCE)
            log.drop()
            raise refusal

    def _clone(self, container: Container, barrier: int, errors: int) -> None:
        record, spec = container.record, container.spec
        assert container.log is not None and spec is not None
        cgroup = container.cgroup.descriptor if container.cgroup is not None else -1
        record.started = time.time()
        pid, pidfd = self.zygote.clone(
            spec, (container.log.stdout, container.log.stderr), barrier, errors, cgroup
        )
        record.pid = pid
        container.attach(pidfd)
        try:
            self.reaper.watch(container)
        except OSError:
            abandon(pid)
            container.detach()
            raise

    def _confirm(self, container: Container) -> None:
        """Set the memory limits and enter `running`.

        Raises:
            EngineError: something killed the child before it had executed anything, or the
                limits or the log cannot be had.
        """
        record, log = container.record, container.log
        assert log is not None
        executed = has_executed(record.pid)
        if executed is None:  # it is reaped already, and the reaper has looked
            executed = container.executed
        if not executed:
            raise EngineError(f"container {record.id} was killed before its program was executed")
        self._limit_memory(container)
        try:
            log.publish()
        except OSError as error:
            raise EngineError(f"the log {log.path} cannot be made: {error.strerror}") from error
        # region 03.running
        with self.registry.lock:
            if record.state == "starting":
                record.state = "running"
            self.registry.announce(container)
            self.registry.changed.notify_all()
        # endregion 03.running

    def _limit_memory(self, container: Container) -> None:
        record, cgroup = container.record, container.cgroup
        # region 07.limits
        if record.limits == "monitor" and self.monitor is not None:
            with suppress(ProcessLookupError):  # it has ended already
                self.monitor.register(record.id, record.pid, record.soft_limit, record.hard_limit)
        elif record.limits == "cgroup" and cgroup is not None:
            try:
                cgroup.limit(record.soft_limit, record.hard_limit)
                self.reaper.watch_memory(container)
            except OSError as error:
                if not container.exited.is_set():
                    raise EngineError(f"the memory limits cannot be set: {error.strerror}") from error
        # endregion 07.limits

    def _complain(self, record: Record, text: str) -> None:
        with self.registry.lock:
            record.notes.append(text)
        self.say(f"container {record.id}: {text}")

    def stop_container(self, container: Container, grace: float | None = GRACE) -> None:
        """SIGTERM, wait, SIGKILL; returns when the container has ended.

        Raises:
            EngineError: it does not end.
        """
        stop(self.registry, [container], grace)
        check_ended(container)

    def shut_down(self) -> None:
        """Admit nobody, stop every container, see every log to its end, and end the zygote."""
        # region 09.shutdown
        self.registry.close()
        containers = self.registry.all()
        stop(self.registry, containers)
        deadline = time.monotonic() + PATIENCE
        for container in containers:
            if container.log is not None and not container.log.join(max(0, deadline - time.monotonic())):
                self.say(f"container {container.record.id}: something still holds its output open")
        for container in containers:
            if container.guarded and container.record.settings.get("remove"):
                container.removed.wait(max(0, deadline - time.monotonic()))
        self.registry.events.close()
        self.reaper.let_zygote_end()
        self.zygote.stop()
        self.reaper.stop()
        if self.monitor is not None:
            self.monitor.close()
        # endregion 09.shutdown
