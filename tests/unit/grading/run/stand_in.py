"""A stand-in for the worker, which in earnest is pytest with a VM: it does what a submission's file says.

    stand_in.py JOB RESULTS

The submission is a folder; its file `act` holds a line for each thing to do. Nothing here is graded, so what
these tests show is that whatever a worker does, each submission gets its result.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def verdict(id_: str, word: str, **other: object) -> str:
    points = 2.0
    return json.dumps(
        {
            "id": id_, "group": id_.partition(".")[0], "level": 1, "verdict": word,
            "points": points if word == "passed" else 0, "max_points": points, "title": "It does", "rationale": "",
            "expected": "", "actual": "", "hint": "", "parent": "", "kernel": [], "hidden": False, "seconds": 0.1,
            **other,
        }
    )  # fmt: skip


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    results = Path(sys.argv[2]).open("a")  # noqa: SIM115 - as long as this lives
    source = Path(job["source"])
    calls = source.with_name(f"{source.name}.calls")
    with calls.open("a") as mark:  # a byte for each: whoever is ended here leaves nothing half-written
        mark.write("x")
    count = calls.stat().st_size

    def write(line: str) -> None:
        results.write(line + "\n")
        results.flush()

    for act in (source / "act").read_text().splitlines():
        word, _, rest = act.partition(" ")
        if word in ("once", "twice"):  # then no more
            if count > ("once", "twice").index(word) + 1:
                continue
            word, _, rest = rest.partition(" ")
        match word:
            case "about":
                write(json.dumps({"about": json.loads(rest)}))
            case "pass" | "fail":
                write(verdict(rest, "passed" if word == "pass" else "failed"))
            case "write":
                write(rest)
            case "print":
                os.write(1, f"{rest}\n".encode())
            case "flood":
                piece = b"x" * (1 << 20)
                for _ in range(int(rest)):
                    os.write(1, piece)
            case "grow":
                for _ in range(int(rest)):
                    results.write("x" * (1 << 20))
                results.flush()
            case "touch":
                Path(rest).write_text(str(os.getpid()))
            case "child":  # leaves a process of its group behind, and tells its number
                child = os.fork()
                if not child:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    time.sleep(600)
                Path(rest).write_text(str(child))
            case "deaf":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            case "evidence":  # CHECK/FILE and a line for it
                name, _, text = rest.partition(" ")
                file = Path(job["evidence"], name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            case "hold":
                if job["keep"]:
                    write(json.dumps({"kept": job["machine"]}))
                    time.sleep(600)
            case "hang":
                time.sleep(600)
            case "wait":  # until a file is there
                while not Path(rest).exists():
                    time.sleep(0.02)
            case "signal":
                os.kill(os.getpid(), int(rest))
            case "exit":
                sys.exit(int(rest))
            case "read":
                write(verdict(rest, "passed", actual=sys.stdin.read() or "nothing"))


if __name__ == "__main__":
    main()
