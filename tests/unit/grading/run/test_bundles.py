"""What is kept of a failure, and that it is enough to see it again; the worker in a VM is stood in for."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from grading import replay
from grading.gradebook.files import file_name
from grading.run import bundles, parcels
from grading.run.batch import Settings
from grading.run.bundles import Bundle
from grading.run.content import content_hash
from grading.submissions.limits import Limits
from lab.errors import LabError
from tests.unit.grading.run.conftest import GOOD, IDS, Class, check, command

FAILS = "pass build.engine\nfail logs.whole\npass control.code"


@pytest.fixture
def bundle(a_class: Class) -> Path:
    a_class.hand_in("ann", FAILS)
    a_class.run()
    [found] = a_class.results.rglob("replay/**/*.zip")
    return found


def test_each_failure_has_a_bundle_and_what_passed_has_none(a_class: Class, bundle: Path) -> None:
    assert bundle == a_class.results / "replay" / "ann" / "logs.whole.zip"
    found = bundles.read(bundle)
    assert (found.check.id, found.check.verdict) == ("logs.whole", "failed")
    assert (found.image, found.checks_hash, found.kernel) == ("image-1", "checks-1", "6.12")
    assert found.job.submission == "ann" and len(found.job.seed) == 16 and len(found.content_hash) == 64
    assert found.packed and json.loads(found.starters)["digests"] == []


def test_what_the_worker_kept_is_in_it(a_class: Class) -> None:
    a_class.hand_in("ann", "evidence logs.whole/kernel.log [1.0] Oops\n" + FAILS)
    a_class.run()
    [found] = a_class.results.rglob("replay/**/*.zip")
    with zipfile.ZipFile(found) as archive:
        assert archive.read("kernel.log") == b"[1.0] Oops"


def test_bundles_of_an_earlier_run_go(a_class: Class, bundle: Path) -> None:
    (a_class.folder / "ann" / "act").write_text("\n".join(f"pass {id_}" for id_ in IDS))
    a_class.run(Settings(again=True))
    assert not list(a_class.results.rglob("replay/**/*.zip"))


def test_two_of_almost_one_name_keep_their_own(a_class: Class) -> None:
    """Also where one is graded after the other: its folder follows from its name alone."""
    imitated = file_name("a#1")
    assert imitated.startswith("a_1-")
    for names in (("a_1", imitated, "O_Brien"), ("a#1", "O'Brien")):
        for name in names:
            a_class.hand_in(name, FAILS)
        a_class.run()
    kept = [bundles.read(path).job.submission for path in a_class.results.rglob("replay/*/*.zip")]
    assert sorted(kept) == sorted(["a_1", imitated, "O_Brien", "a#1", "O'Brien"])
    assert (a_class.results / "replay" / "O_Brien").is_dir()


def test_a_run_of_some_checks_leaves_the_bundles_of_the_others(a_class: Class, bundle: Path) -> None:
    """What they are of is still what the mark says."""
    a_class.run(Settings(only=("control.code",)))
    assert bundle.exists()
    (a_class.folder / "ann" / "act").write_text("\n".join(f"pass {id_}" for id_ in IDS))
    a_class.run(Settings(only=("logs.whole",)))
    assert not bundle.exists()


def test_it_is_enough_to_see_it_again(a_class: Class, bundle: Path) -> None:
    for path in a_class.folder.glob("ann/*"):
        path.unlink()
    found = bundles.read(bundle)
    assert replay.differences(found, a_class.ground) == []
    assert replay.again(found, a_class.ground, command=command).verdict == "failed"


def test_only_that_check_and_its_parents_are_run(a_class: Class, bundle: Path) -> None:
    checks = (check(IDS[0]), check(IDS[1], needs=(IDS[0],)), check(IDS[2]))
    ground = dataclasses.replace(a_class.ground, checks=checks)
    found = bundles.read(bundle)
    with replay.job_of(found, ground) as job:
        assert job.only == IDS[:2]
        assert (job.seed, job.level) == (found.job.seed, found.job.level)
        assert {path.name for path in Path(job.source).iterdir()} == {"act", "engine.c"}
    assert not Path(job.source).exists()


def test_what_is_not_as_it_was_is_said(a_class: Class, bundle: Path) -> None:
    ground = dataclasses.replace(a_class.ground, checks_hash="checks-2", image="image-2")
    assert len(replay.differences(bundles.read(bundle), ground)) == 2


def test_a_submission_too_big_for_it_must_lie_where_it_was(a_class: Class, bundle: Path) -> None:
    found = dataclasses.replace(bundles.read(bundle), packed=b"")
    assert replay.again(found, a_class.ground, command=command).verdict == "failed"
    (a_class.folder / "ann" / "engine.c").write_text("int main(void) { return 99; }\n")
    with pytest.raises(LabError, match="not as it was"):
        replay.again(found, a_class.ground, command=command)


def test_the_machine_is_held_while_somebody_visits(
    a_class: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    a_class.hand_in("ann", f"touch {begun}\nhold\n" + FAILS)
    a_class.run()
    [path] = a_class.results.rglob("replay/**/*.zip")
    visited: list[tuple[str, bool]] = []

    def visit(machine: str) -> None:
        visited.append((machine, Path(f"/proc/{begun.read_text()}").exists()))

    monkeypatch.setattr("grading.run.machines.remove", lambda machine: None)
    replay.held(bundles.read(path), a_class.ground, visit, command=command)
    [(machine, alive)] = visited
    assert machine.startswith("grade-") and alive
    assert not Path(f"/proc/{begun.read_text()}").exists()


def test_what_passes_this_time_is_not_held(a_class: Class, bundle: Path) -> None:
    a_class.hand_in("better", GOOD)
    better = a_class.folder / "better"
    passing = dataclasses.replace(
        bundles.read(bundle), packed=b"", source=str(better), content_hash=content_hash(better)
    )
    with pytest.raises(LabError, match="did not fail this time"):
        replay.held(passing, a_class.ground, lambda machine: None, command=command)
    with pytest.raises(LabError, match="is failed, and its VM was not held"):  # the stand-in has none
        replay.held(bundles.read(bundle), a_class.ground, lambda machine: None, command=command)


def test_why_nothing_is_held_is_said(a_class: Class, bundle: Path, tmp_path: Path) -> None:
    def missing(job: Path, results: Path) -> list[str]:
        return [str(tmp_path / "missing")]

    def silent(job: Path, results: Path) -> list[str]:
        return ["sh", "-c", "echo sorry; exit 3"]

    with pytest.raises(FileNotFoundError):
        replay.held(bundles.read(bundle), a_class.ground, lambda machine: None, command=missing)
    with pytest.raises(LabError, match=r"was not run: .* ended with status 3") as raised:
        replay.held(bundles.read(bundle), a_class.ground, lambda machine: None, command=silent)
    assert "sorry" in raised.value.detail


def test_a_strangers_bundle_does_not_say_where_anything_is_written(bundle: Path, tmp_path: Path) -> None:
    bad = rewritten(
        bundle, tmp_path, evidence="/etc", keep="x", host="default", machine="default", source="/etc"
    )
    job = bundles.read(bad).job
    assert (job.evidence, job.keep, job.host, job.machine, job.source) == ("", "", "", "", "")
    for nonsense in ({"level": "2"}, {"level": 7}, {"seed": 1}, {"suite": ["trixie"]}, {"weak": [1]}):
        with pytest.raises(LabError, match=r"no bundle, or damaged"):
            bundles.read(rewritten(bundle, tmp_path, **nonsense))


def rewritten(bundle: Path, folder: Path, **values: object) -> Path:
    """A bundle with other values in its job."""
    path = folder / "rewritten.zip"
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(path, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "job.json":
                content = json.dumps({**json.loads(content), **values}).encode()
            other.writestr(name, content)
    return path


@pytest.mark.parametrize("damage", ["no zip", "empty", "version", "information", "job", "check", "bomb"])
def test_a_bundle_that_is_none_is_refused(tmp_path: Path, bundle: Path, damage: str) -> None:
    parts = {}
    with zipfile.ZipFile(bundle) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = json.loads(parts["bundle.json"])
    match damage:
        case "version":
            told["version"] = 99
        case "check":
            del told["check"]["verdict"]
        case "job":
            parts["job.json"] = b"[]"
        case "bomb":
            parts["starters.json"] = bytes(65 << 20)
    parts["bundle.json"] = b"{" if damage == "information" else json.dumps(told).encode()
    bad = tmp_path / "bad.zip"
    if damage == "no zip":
        bad.write_bytes(b"PK")
    else:
        with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in ({} if damage == "empty" else parts).items():
                archive.writestr(name, content)
    with pytest.raises(LabError, match="bundle"):
        bundles.read(bad)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bundle_cannot_fill_the_memory(tmp_path: Path, method: int) -> None:
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w", method) as archive, archive.open("starters.json", "w") as out:
        for _ in range(128):
            out.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(LabError, match="no bundle, or damaged"):
            bundles.read(bad)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_was_packed_and_is_damaged_is_refused(tmp_path: Path, bundle: Path, method: int) -> None:
    """Each way to pack has an error of its own, and where a byte is another one says which it is."""
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(bad, "w", method) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    with zipfile.ZipFile(bad) as archive:
        about = archive.getinfo("bundle.json")
    begin = about.header_offset + 30 + len(about.filename)
    whole = bad.read_bytes()
    refused = 0
    for at in range(0, about.compress_size, 8):
        changed = bytearray(whole)
        changed[begin + at] ^= 0xFF
        bad.write_bytes(changed)
        try:
            bundles.read(bad)  # some bytes mean nothing
        except LabError as error:
            assert "bad.zip is no bundle, or damaged" in str(error)
            refused += 1
    assert refused > about.compress_size // 16


def test_nothing_of_it_lands_outside(tmp_path: Path, a_class: Class, bundle: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../escaped")
        archive.addfile(member, io.BytesIO())
    found: Bundle = dataclasses.replace(bundles.read(bundle), packed=packed.getvalue())
    with pytest.raises(LabError, match="damaged"):
        replay.again(found, a_class.ground, command=command)


def test_nothing_of_it_lands_outside_by_links_either(tmp_path: Path, a_class: Class, bundle: Path) -> None:
    """Folders whose whole path is longer than PATH_MAX, with a link beside each: CVE-2025-4517."""
    packed, long, steps = io.BytesIO(), "d" * 247, "abcdefghijklmnop"
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:

        def add(name: str, kind: bytes, target: str = "") -> None:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO())

        for at, step in enumerate(steps):
            add("/".join([long] * (at + 1)), tarfile.DIRTYPE)
            add("/".join([*[long] * at, step]), tarfile.SYMTYPE, long)
        up = "/".join([*steps, "l" * 254])
        add(up, tarfile.SYMTYPE, "../" * len(steps))
        add("out", tarfile.SYMTYPE, f"{up}/../../outside")
        add("out/escaped", tarfile.REGTYPE)
    (tmp_path / "outside").mkdir()
    with pytest.raises(LabError, match="damaged"):
        parcels.unpack(packed.getvalue(), tmp_path / "in" / "submission")
    assert not list((tmp_path / "outside").iterdir())


def test_what_was_packed_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "LIMITS", Limits(kept_bytes=4 << 20))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for number in range(3):
            member = tarfile.TarInfo(f"zeros{number}")
            member.size = 2 << 20
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(LabError, match="more than 4 MiB"):
        parcels.unpack(packed.getvalue(), tmp_path / "submission")
