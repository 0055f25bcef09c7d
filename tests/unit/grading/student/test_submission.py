"""`lab submit`: what is in the archive, that the grader takes it, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grading.student import submission
from grading.submissions.found import Submission
from grading.submissions.taking import take
from grading.submissions.tree import opened
from grading.submissions.workspaces import handed
from lab import cli
from lab.errors import LabError
from lab.workspace import progress
from lab.workspace.state import Workspace

ENGINE = "runtime/supervisor/buffer.py"


def test_the_archive_has_the_work_and_a_manifest_of_it(workspace: Workspace, tmp_path: Path) -> None:
    progress.update(workspace, lambda known: progress.with_hint(known, "01", "01.flags", "nudge"))
    (workspace.folder / "kernel/monitor.ko").write_bytes(b"\x7fELF")
    (workspace.folder / "report.pdf").write_bytes(b"%PDF")
    made = submission.make(workspace, tmp_path / "out.tar.gz")
    with tarfile.open(made.file) as archive:
        names = [member.name for member in archive.getmembers()]
        inside = archive.extractfile("s7/manifest.json")
        assert inside is not None
        manifest = json.load(inside)
        assert archive.getmember("s7/runtime/engine").mode == 0o755
        for name, digest in manifest["files"].items():
            file = archive.extractfile(f"s7/{name}")
            assert file is not None and hashlib.sha256(file.read()).hexdigest() == digest
    assert sorted(names) == sorted([f"s7/{name}" for name in manifest["files"]] + ["s7/manifest.json"])
    assert "s7/report.pdf" in names and "s7/answers.toml" in names
    assert not [name for name in names if ".git/" in name or ".boxwright" in name or name.endswith(".ko")]
    assert (manifest["format"], manifest["student"], manifest["track"]) == (1, "s7", "python")
    assert [each["target"] for each in manifest["hints"]] == ["01.flags"]
    assert manifest["kit"]["version"] and manifest["changed"]


def test_the_grader_takes_it_as_it_takes_the_folder(workspace: Workspace, tmp_path: Path) -> None:
    made = submission.make(workspace, tmp_path / "out.tar.gz")
    with opened(Submission("s7", made.file), tmp_path / "grader") as tree:
        chosen = take(tree)
        assert tree.notes == ()
        said = handed(tree.root)
        assert (said.student, said.course_seed) == ("s7", "autumn") and not said.sheet.problem
    assert chosen.engine is not None and chosen.engine.entry == "runtime/engine"
    assert chosen.monitor is not None and chosen.monitor.entry == "kernel/monitor.c"


def test_equal_work_gives_equal_bytes(workspace: Workspace, tmp_path: Path) -> None:
    first = submission.make(workspace, tmp_path / "1.tar.gz")
    os.utime(workspace.folder / ".boxwright" if workspace.private.exists() else workspace.folder)
    second = submission.make(workspace, tmp_path / "2.tgz")
    assert first.digest == second.digest == hashlib.sha256((tmp_path / "2.tgz").read_bytes()).hexdigest()
    file = workspace.folder / ENGINE
    file.write_text(file.read_text() + "\n# mine\n")
    assert submission.make(workspace, tmp_path / "3.tar.gz").digest != first.digest


def test_a_link_stays_one(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "1.tar.gz").symlink_to("other")
    made = submission.make(workspace, tmp_path / "1.tar.gz")
    assert made.file.is_symlink()
    assert hashlib.sha256((tmp_path / "other").read_bytes()).hexdigest() == made.digest


def test_an_archive_in_the_workspace_would_be_in_the_next_one(workspace: Workspace) -> None:
    with pytest.raises(LabError, match="lies in the workspace"):
        submission.make(workspace, Path("kernel/s7.tar.gz"))


def without_marker(workspace: Workspace) -> None:
    file = workspace.folder / ENGINE
    file.write_text(file.read_text().replace("# endregion 05.buffer", ""))


def without_region(workspace: Workspace) -> None:
    file = workspace.folder / ENGINE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "region 05.buffer" not in line))


def linked_out(workspace: Workspace) -> None:
    (workspace.folder / "kernel/passwd").symlink_to("/etc/passwd")


def without_file(workspace: Workspace) -> None:
    (workspace.folder / ENGINE).unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without_marker, r"buffer\.py, line \d+: region 05.buffer has no end"),
        (without_region, r"buffer\.py has no region 05.buffer any more"),
        (without_file, r"buffer\.py cannot be read.*git checkout"),
        (linked_out, r"Links out of the workspace are not taken.*kernel/passwd"),
    ],
)
def test_what_the_grader_would_refuse_is_refused(
    workspace: Workspace, tmp_path: Path, damage: Callable[[Workspace], None], says: str
) -> None:
    damage(workspace)
    with pytest.raises(LabError, match=says):
        submission.make(workspace, tmp_path / "out.tar.gz")
    assert not (tmp_path / "out.tar.gz").exists()


def test_a_letter_of_another_encoding_in_a_comment_is_handed_in(workspace: Workspace, tmp_path: Path) -> None:
    file = workspace.folder / "kernel/monitor.c"
    file.write_bytes(b"/* J\xf6rg */\n" + file.read_bytes())
    submission.make(workspace, tmp_path / "out.tar.gz")
    assert (tmp_path / "out.tar.gz").exists()


def test_without_a_monitor_it_is_refused_in_the_graders_words(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_whole_markers", lambda workspace: None)
    (workspace.folder / "kernel/monitor.c").unlink()
    with pytest.raises(LabError, match="No monitor found: no kernel module"):
        submission.make(workspace, tmp_path / "out.tar.gz")


def test_a_file_that_is_no_python_is_told(workspace: Workspace, tmp_path: Path) -> None:
    file = workspace.folder / ENGINE
    file.write_text(file.read_text() + "\nif\n")
    [note] = submission.make(workspace, tmp_path / "out.tar.gz").notes
    assert note.startswith(f"{ENGINE}, line ") and note.endswith("invalid syntax; nothing starts with it.")


def test_the_command_says_what_was_made(workspace: Workspace) -> None:
    done = CliRunner().invoke(cli.app, ["submit"], catch_exceptions=False)
    assert done.exit_code == 0 and "s7.tar.gz" in done.stdout and "0 hints taken" in done.stdout
    assert (workspace.folder.parent / "s7.tar.gz").is_file()
    told = json.loads(CliRunner().invoke(cli.app, ["submit", "--json", "-o", "../x.tar.gz"]).stdout)
    assert told["file"] == "../x.tar.gz" and told["student"] == "s7"
    refused = CliRunner().invoke(cli.app, ["submit", "-o", "../x.zip"])
    assert isinstance(refused.exception, LabError) and "no name for the archive" in str(refused.exception)
