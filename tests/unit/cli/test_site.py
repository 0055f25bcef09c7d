"""`lab site serve`: until Ctrl-C, and to this host alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.site.serve import server

DEADLINE = 20.0

SERVE = """
import sys
from lab.__main__ import main
from lab.site import build

build.build = lambda folder: (folder / "index.html").write_text("the site")  # Zensical need not be here
sys.argv = ["lab", "site", "serve", "--port", "0"]
main()
"""


def test_it_serves_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
    )
    too_long = threading.Timer(DEADLINE, process.kill)
    too_long.start()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            assert answer.read() == b"the site"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
    finally:
        too_long.cancel()
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("boxwright-site")] == []


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with server(tmp_path, 0) as first:
        assert first.server_address[0] == "127.0.0.1"
        with pytest.raises(LabError, match="--port"):
            server(tmp_path, first.server_port)
