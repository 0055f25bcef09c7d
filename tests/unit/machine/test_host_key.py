"""Host keys that are given and that are shown: read as OpenSSH writes them, compared with its own tools."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.errors import LabError, MachineError
from lab.machine import host_key


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key pair of each type."""
    folder = tmp_path_factory.mktemp("keys")
    for type_ in ("ed25519", "ecdsa", "rsa"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", type_, "-N", "", "-C", "a comment", "-f", folder / type_],
            check=True,
            capture_output=True,
        )
    return folder


def public(made: Path, type_: str) -> str:
    return " ".join((made / f"{type_}.pub").read_text().split()[:2])


@pytest.mark.parametrize("type_", ["ed25519", "ecdsa", "rsa"])
def test_the_fingerprint_is_that_of_ssh_keygen(made: Path, type_: str) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", made / f"{type_}.pub"], check=True, capture_output=True, text=True
    )
    assert host_key.fingerprint(public(made, type_)).split()[1] == shown.stdout.split()[1]


def test_a_key_is_taken_as_a_line_and_as_a_file(made: Path) -> None:
    line = (made / "ed25519.pub").read_text()
    wanted = (public(made, "ed25519"),)
    assert host_key.given(line, "h", 22) == wanted
    assert host_key.given(str(made / "ed25519.pub"), "h", 22) == wanted
    assert host_key.given(f"h,192.0.2.1 {line}", "h", 22) == wanted


def test_a_key_may_be_longer_than_a_name_of_a_file() -> None:
    key = f"ssh-rsa {base64.b64encode(len('ssh-rsa').to_bytes(4) + b'ssh-rsa' + bytes(400)).decode()}"
    assert host_key.given(key, "h", 22) == (key,)


def test_of_a_known_hosts_file_the_lines_of_the_host_count_also_hashed_ones(
    made: Path, tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"# mine\nother {public(made, 'rsa')}\n[h]:2222 {public(made, 'ed25519')}\n"
        f"h {public(made, 'ecdsa')} x\n@revoked h {public(made, 'rsa')}\n"
    )
    assert host_key.given(str(file), "h", 22) == (public(made, "ecdsa"),)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "|1|" in file.read_text()
    assert host_key.given(str(file), "h", 2222) == (public(made, "ed25519"),)
    with pytest.raises(LabError, match="holds no key of nobody"):
        host_key.given(str(file), "nobody", 22)


@pytest.mark.parametrize(
    "text", ["", "/no/such/file", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!", "x" * 5000]
)
def test_what_is_no_key_is_a_sentence(text: str) -> None:
    with pytest.raises(LabError, match=r"holds no host key|cannot be read"):
        host_key.given(text, "h", 22)


def test_a_key_of_another_type_than_it_says_is_none(made: Path) -> None:
    with pytest.raises(LabError, match="holds no host key"):
        host_key.given("ssh-rsa " + public(made, "ed25519").split()[1], "h", 22)


def test_pins_name_each_key_and_are_written_once(made: Path, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    keys = (public(made, "ed25519"), public(made, "rsa"))
    host_key.pin(file, "fd00::2", 22, keys)
    assert file.read_text() == "".join(f"fd00::2 {key}\n" for key in keys)
    written = file.stat().st_mtime_ns
    host_key.pin(file, "fd00::2", 22, keys)
    assert file.stat().st_mtime_ns == written
    found = subprocess.run(
        ["ssh-keygen", "-F", "fd00::2", "-f", file], check=True, capture_output=True, text=True
    )
    assert keys[1] in found.stdout, "OpenSSH finds them, too"


def test_where_nobody_listens_or_nobody_speaks_ssh_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            with server.accept()[0] as other:
                other.sendall(b"HTTP/1.0 400\r\n" * 100)

        thread = threading.Thread(target=answer)
        thread.start()
        # In a process of its own: here pytest takes what paramiko would print.
        program = (
            "from lab.errors import MachineError\nfrom lab.machine import host_key\n"
            f"try: host_key.scan('127.0.0.1', {port}, timeout=3)\nexcept MachineError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        thread.join()
    assert "No SSH server answers on 127.0.0.1" in done.stdout
    assert done.stderr == ""
    with pytest.raises(MachineError, match=r"No SSH server answers on 127\.0\.0\.1"):
        host_key.scan("127.0.0.1", port, timeout=3)
