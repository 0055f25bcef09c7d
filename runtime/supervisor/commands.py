"""What each command answers. Each function is one command, from its request to the end of its reply."""

from __future__ import annotations

import os
import select
import threading

from supervisor import text
from supervisor.control import Reply
from supervisor.errors import EngineError
from supervisor.lifecycle import PATIENCE, Engine
from supervisor.live import Container
from supervisor.logs import ContainerLog
from supervisor.options import (
    HelpRequest,
    LogsRequest,
    PsRequest,
    StartRequest,
    StopRequest,
    parse,
)
from supervisor.protocol import STOP, RawRequest

PIECE = 1 << 18
"""Bytes of a log in one frame."""


def handle(engine: Engine, raw: RawRequest, reply: Reply) -> None:
    """Do what a client asks.

    Raises:
        EngineError: it could not be done; the caller tells the client.
        OSError: the client is gone.
    """
    request = parse(list(raw.arguments))
    match request:
        case HelpRequest():
            reply.end(0, text.TOPICS[request.topic])
        case StartRequest():
            directory = raw.directory.decode("utf-8", "surrogateescape")
            container = engine.start(request, directory)
            if request.attached:
                attend(engine, container, reply)
            else:
                reply.end(0, f"{request.id} started, PID {container.record.pid}\n")
        case PsRequest():
            ps(engine, request, reply)
        case LogsRequest():
            logs(engine, request, reply)
        case StopRequest():
            stop(engine, request, reply)


def ps(engine: Engine, request: PsRequest, reply: Reply) -> None:
    """`ps`: every record, all of one moment."""
    containers = engine.registry.all()
    with engine.registry.lock:
        records = [container.record for container in containers]
        answer = text.as_json(records) if request.format == "json" else text.table(records)
    reply.end(0, answer)


def stop(engine: Engine, request: StopRequest, reply: Reply) -> None:
    """`stop`: returns when the container has ended."""
    container = engine.registry.find(request.id)
    if container.record.state == "exited":
        reply.end(0, f"{request.id} has exited already\n")
        return
    engine.stop_container(container)
    by = container.record.stopped_by
    reply.end(0, f"{request.id} stopped" + (f" by SIG{by}" if by else "") + "\n")


def logs(engine: Engine, request: LogsRequest, reply: Reply) -> None:
    """`logs`: what has been written so far; of a container that has ended, all of it."""
    container = engine.registry.find(request.id)
    log = container.log
    if log is None or container.record.state == "starting":
        reply.end(0)
        return
    if container.exited.is_set():
        log.complete.wait(PATIENCE)
    file = log.open_reader()
    try:
        send_log(file, 0, log.size, reply)
    finally:
        os.close(file)
    end_with_log(log, 0, reply)


def end_with_log(log: ContainerLog, status: int, reply: Reply) -> None:
    """End a reply that showed a log; say so if the log is not whole."""
    if log.lost:
        reply.error(f"the log is not whole: {log.lost} bytes could not be written to the disk")
    reply.end(status)


def send_log(file: int, start: int, end: int, reply: Reply) -> int:
    """Send a part of a log; gives where it stopped."""
    while start < end:
        piece = os.pread(file, min(PIECE, end - start), start)
        if not piece:
            break  # somebody has cut the file
        reply.out(piece)
        start += len(piece)
    return start


def attend(engine: Engine, container: Container, reply: Reply) -> None:
    """`run`: show the output as it is logged, hear the client, and end with the container's status.

    The output is read back from the log: a client that takes it slowly, or not at all,
    holds up this thread and nothing else.
    """
    log = container.log
    assert log is not None
    watcher = container.watch()
    file = -1
    try:
        poll = select.poll()
        poll.register(watcher, select.POLLIN)
        poll.register(reply.connection, select.POLLIN)
        word, sent = reply.early, 0
        while True:
            if STOP.intersection(word):
                threading.Thread(target=stop_quietly, args=(engine, container), daemon=True).start()
            ended = container.exited.is_set() and log.complete.is_set()
            if log.size > sent:
                file = file if file >= 0 else log.open_reader()
                sent = send_log(file, sent, log.size, reply)
            if ended:
                break
            word = b""
            for descriptor, _ in poll.poll():
                if descriptor == watcher:
                    os.eventfd_read(watcher)
                elif not (word := reply.connection.recv(256)):
                    return  # the client is gone; the container lives on
    finally:
        container.unwatch(watcher)
        if file >= 0:
            os.close(file)
    status = container.record.status
    assert status is not None
    end_with_log(log, status.as_shell(), reply)


def stop_quietly(engine: Engine, container: Container) -> None:
    """Stop a container whose client will hear of its end anyway."""
    try:
        engine.stop_container(container)
    except EngineError as error:
        engine.say(str(error))
