from __future__ import annotations

import tracemalloc
from pathlib import Path

from lab.machine.boot import serial_tail


def test_the_first_words_of_a_panic_are_shown_however_long_its_trace(tmp_path: Path) -> None:
    trace = "".join(f"[    1.0] R{number:02}: 0\r\n" for number in range(60))
    log = f"[    0.1] booting\r\n[    1.0] Kernel panic - not syncing: sysrq triggered crash\r\n{trace}"
    (tmp_path / "serial.log").write_text(log)
    assert serial_tail(tmp_path).splitlines()[0].endswith("Kernel panic - not syncing: sysrq triggered crash")
    assert len(serial_tail(tmp_path).splitlines()) == 20


def test_without_a_complaint_the_end_is_shown(tmp_path: Path) -> None:
    (tmp_path / "serial.log").write_bytes(
        b"".join(b"line %d\n" % number for number in range(100)) + b"\xff\n"
    )
    assert serial_tail(tmp_path, 2) == "line 99\n\\xff"


def test_no_log_is_no_error(tmp_path: Path) -> None:
    assert serial_tail(tmp_path) == ""


def test_of_a_log_without_end_the_last_of_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "serial.log").open("wb") as log:
        log.write(b"BUG: long ago\r\n")
        log.seek(64 << 20)
        log.write(b"\r\n[    1.0] Kernel panic - not syncing: at last\r\n")
    tracemalloc.start()
    try:
        assert serial_tail(tmp_path) == "[    1.0] Kernel panic - not syncing: at last"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
