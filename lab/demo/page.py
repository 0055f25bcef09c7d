"""The folder that a demo leaves: `index.html`, one page that needs nothing else, and `demo.json`."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from lab.demo.model import SCHEMA_VERSION, Demonstration, Report
from lab.errors import LabError


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs: everything but the pictures, whose samples are there."""
    return {
        "schema_version": SCHEMA_VERSION,
        "holds": report.holds,
        "seconds": round(report.seconds, 2),
        "surroundings": asdict(report.surroundings),
        "demonstrations": [_demonstration(each) for each in report.demonstrations],
        "preparation": [asdict(each) for each in report.preparation],
    }


def _demonstration(each: Demonstration) -> dict[str, Any]:
    return {
        "number": each.number,
        "title": each.title,
        "sentence": each.sentence,
        "holds": each.holds,
        "why": each.why,
        "conditions": [asdict(condition) for condition in each.verdict.conditions],
        "evidence": [asdict(evidence) for evidence in each.evidence],
        "figures": [
            {"name": figure.name, "title": figure.title, "alt": figure.alt, "samples": dict(figure.samples)}
            for figure in each.figures
        ],
        "seconds": round(each.seconds, 2),
    }


def render(report: Report) -> str:
    """The page. Everything that came out of the guest is escaped; only our own SVG is not."""
    import jinja2
    from markupsafe import Markup, escape

    def code(text: str) -> Markup:
        """Our own sentences mark names by backticks."""
        return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))

    files = resources.files("lab.demo")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = code
    return environment.from_string((files / "page.html.j2").read_text()).render(
        report=report,
        css=Markup((files / "page.css").read_text()),
        svg=lambda figure: Markup(figure.svg),
    )


def check_folder(folder: Path) -> None:
    """Refuse a place that cannot take the report, before an hour's work and not after it.

    Raises:
        LabError: it is a file, holds something else, or cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "demo.json").is_file():
        raise LabError(f"The folder {folder} holds something else than a demo", "Name another with --output.")
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is not a folder", "Name another with --output.")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise LabError(f"There is no folder {parent}", "Make it, or name another with --output.")
    if not os.access(parent, os.W_OK):
        raise LabError(f"The folder {parent} cannot be written", "Name another with --output.")


def write(report: Report, folder: Path) -> None:
    """Write the folder whole or not at all; one of an earlier demo is replaced."""
    check_folder(folder)
    folder = folder.absolute()
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (half / "index.html").write_text(render(report), encoding="utf-8")
        (half / "demo.json").write_text(
            json.dumps(as_json(report), indent=1, ensure_ascii=False), encoding="utf-8"
        )
        half.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            folder.rename(old / "old")
            half.rename(folder)
            shutil.rmtree(old)
        else:
            half.rename(folder)
    finally:
        if half.exists():
            shutil.rmtree(half)
