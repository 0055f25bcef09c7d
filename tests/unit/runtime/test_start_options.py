"""What the options of `start` and `run` take, where they may stand, and what they mean; no container."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.commands import parse
from supervisor.commands.start_options import (
    OPTIONS,
    client_environment,
    variables,
)
from supervisor.errors import EngineError, UsageError
from supervisor.start_request import StartOptions, StartRequest
from supervisor.volumes import VolumeRequest, find_volumes, parse_volume


def run(*words: str) -> StartRequest:
    _, request = parse([os.fsencode(word) for word in ("run", *words)])
    assert isinstance(request, StartRequest)
    return request


def options(*words: str) -> StartOptions:
    return run(*words, "a", "/r", "prog").options


def test_all_of_them() -> None:
    given = options(
        *("--rm", "--init", "--read-only", "--join-streams", "--timeout", "1.5", "--cpus=1", "--pids", "7"),
        *("-e", "A=b=c", "-eB", "--env", "C=", "--env-file", "f", "-w/tmp", "-h", "box-1.lab"),
        *("-v", "/x:/y", "--volume", "./z:/w/../q/:ro"),
    )
    assert given == StartOptions(
        remove=True,
        timeout=1.5,
        environment=("A=b=c", "B", "C="),
        environment_files=("f",),
        workdir="/tmp",
        hostname="box-1.lab",
        init=True,
        read_only=True,
        volumes=(VolumeRequest("/x", "/y", False), VolumeRequest("./z", "/q", True)),
        cpus=1,
        pids=7,
        join_streams=True,
    )
    assert options() == StartOptions()
    assert options("--pids-limit", "-1") == StartOptions()


@pytest.mark.parametrize("option", [name for one in OPTIONS for name in one.names])
def test_after_the_command_they_are_the_commands(option: str) -> None:
    """No program loses its own options to the engine; before the command they are ours."""
    request = run("a", "/r", "prog", option, "x", "--nice", "3")
    assert request.command == (b"prog", option.encode(), b"x")
    assert request.options == StartOptions() and request.nice == 3


def test_the_four_that_may_stand_behind() -> None:
    request = run("a", "/r", "p", "--soft-mib", "1", "--hard-mib", "2", "--nice", "3", "--cpuset", "0", "-e")
    assert (request.nice, request.cpuset, request.command) == (3, "0", (b"p", b"-e"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--timeout", "0"], "--timeout is a number"),
        (["--timeout", "soon"], "--timeout is a number"),
        (["--timeout", "nan"], "--timeout is a number"),
        (["--cpus", "0"], "--cpus is a number"),
        (["--cpus", "-1"], "--cpus is a number"),
        (["--cpus", "99999"], "--cpus is a number"),
        (["--pids", "0"], "--pids is a whole number"),
        (["--pids", "many"], "--pids is a whole number"),
        (["-e", "=x"], "NAME=VALUE or NAME"),
        (["-w", "tmp"], "absolute path"),
        (["-h", "a_b"], "not a hostname"),
        (["-h", ""], "not a hostname"),
        (["-h", "-a"], "not a hostname"),
        (["-h", "a" * 63 + ".b"], "not a hostname"),
        (["--rm=yes"], "takes no value"),
        (["-v", "/x"], "SOURCE:TARGET"),
        (["-v", "/x:/y:rx"], "SOURCE:TARGET"),
        (["-v", ":/y"], "SOURCE:TARGET"),
        (["-v", "data:/y"], "named volume"),
        (["-v", "/x:y"], "absolute path"),
        (["-v", "/x:/"], "cannot be mounted"),
        (["-v", "/x:/a/.."], "cannot be mounted"),
        (["-v", "/x:/proc/sys"], "cannot be mounted"),
        (["-v", "/x://dev"], "cannot be mounted"),
    ],
)
def test_refusals_say_why(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(*words)


@given(st.text(max_size=40))
def test_any_volume_is_taken_or_refused_in_a_sentence(text: str) -> None:
    try:
        volume = parse_volume(text)
    except UsageError as error:
        assert str(error).isprintable()
    else:
        assert volume.target.startswith("/") and "/../" not in volume.target + "/"


def client() -> dict[bytes, bytes]:
    return {b"SHELL": b"/bin/x", b"EMPTY": b""}


def test_where_variables_come_from(tmp_path: Path) -> None:
    """Files first, then the line; a name alone is what it is at the client, and nothing if it is not there."""
    (tmp_path / "file").write_bytes(b"# comment\n\nA=1\nB = x y \nSHELL\n  C=\xff\r\n")
    given = StartOptions(environment_files=("file",), environment=("A=2", "EMPTY", "GONE", "D="))
    assert variables(given, str(tmp_path), client) == {
        b"A": b"2",
        b"B ": b" x y ",
        b"SHELL": b"/bin/x",
        b"C": b"\xff",
        b"EMPTY": b"",
        b"D": b"",
    }


def test_the_client_is_asked_only_if_need_be() -> None:
    def never() -> dict[bytes, bytes]:
        raise AssertionError("asked")

    assert variables(StartOptions(environment=("A=1",)), "/", never) == {b"A": b"1"}


def test_files_of_variables_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("=x\n")
    for name, said in (("bad", "NAME=VALUE"), ("none", "No such file"), (".", "directory")):
        with pytest.raises(EngineError, match=said):
            variables(StartOptions(environment_files=(name,)), str(tmp_path), client)


def test_the_environment_of_the_process_at_the_other_end(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    program = f"import socket\ns = socket.socket(socket.AF_UNIX); s.connect({path!r}); s.recv(1)"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(20)
        environment = {b"ODD": b"a=b\n\xff", b"EMPTY": b""}
        child = subprocess.Popen([sys.executable, "-I", "-c", program], env=environment)
        connection, _ = listener.accept()
        with connection:
            found = client_environment(connection)
        child.wait(20)
    assert {name: found[name] for name in environment} == environment


def test_sources_of_volumes(tmp_path: Path) -> None:
    """Found from where the client stands, through links, and known by what they are."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    folder, file = find_volumes(
        (VolumeRequest("./folder", "/a", False), VolumeRequest("./link", "/b", True)), str(tmp_path)
    )
    assert folder.place.path == str(tmp_path / "folder")
    assert file.place.path == str(tmp_path / "file")
    status = (tmp_path / "file").stat()
    assert file.place.key == (status.st_dev, status.st_ino)
    assert file.place.lineage[1:] == folder.place.lineage[1:]
    with pytest.raises(EngineError, match="No such file"):
        find_volumes((VolumeRequest("./none", "/a", False),), str(tmp_path))
    with pytest.raises(EngineError, match="two volumes"):
        find_volumes(
            (VolumeRequest("./file", "/a", False), VolumeRequest("./link", "/a", True)), str(tmp_path)
        )
