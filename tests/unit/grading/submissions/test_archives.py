"""Archives as they come, and as somebody hostile makes them."""

from __future__ import annotations

import errno
import gzip
import io
import os
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grading.submissions.limits import MIB, Limits
from lab.errors import LabError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LaidDown = Callable[..., tuple[dict[str, bytes], tuple[str, ...]]]
Member = tuple[tarfile.TarInfo, bytes]


def entry(name: str, kind: bytes, target: str = "", mode: int = 0o644) -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    return member, b""


def file(name: str, content: bytes = b"text\n", mode: int = 0o644) -> Member:
    return entry(name, tarfile.REGTYPE, mode=mode)[0], content


def tar_bytes(*members: Member) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for information, content in members:
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return out.getvalue()


def tar(path: Path, *members: Member) -> Path:
    path.write_bytes(tar_bytes(*members))
    return path


def zipped(path: Path, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            information = zipfile.ZipInfo(name)
            information.compress_type = zipfile.ZIP_DEFLATED
            information.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(information, content)
    return path


ENGINE = {"engine.c": b"int main(void) { return 0; }\n"}


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2", "tar.zst", "zip"])
def test_every_kind_is_unpacked(ending: str, tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / f"alice.{ending}"
    content = tar_bytes(file("work/engine.c", ENGINE["engine.c"]), file("work/run.sh", b"#!", 0o6777))
    if ending == "zip":
        zipped(path, {"work/engine.c": ENGINE["engine.c"], "work/run.sh": b"#!"})
    elif ending == "tar.zst":
        path.write_bytes(zstd.compress(content))
    else:
        mode = {"tgz": "gz", "tar": ""}.get(ending, ending[4:])
        with tarfile.open(path, f"w:{mode}") as archive:  # type: ignore[call-overload]
            for member, data in (
                file("work/engine.c", ENGINE["engine.c"]),
                file("work/run.sh", b"#!", 0o6777),
            ):
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    found, notes = laid_down(path, tmp_path / "w")
    assert found == {**ENGINE, "run.sh": b"#!"}
    assert notes == ()


def test_the_content_decides_and_not_the_name(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(tmp_path / "alice.zip", file("engine.c"))
    assert laid_down(path, tmp_path / "w")[0] == {"engine.c": b"text\n"}


def test_several_gzip_streams_are_one(tmp_path: Path, laid_down: LaidDown) -> None:
    content = tar_bytes(file("engine.c", b"x" * 3000))
    path = tmp_path / "alice.tar.gz"
    path.write_bytes(gzip.compress(content[:700]) + gzip.compress(content[700:]) + b"\0" * 512)
    assert laid_down(path, tmp_path / "w")[0] == {"engine.c": b"x" * 3000}


def test_no_path_leads_out(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(
        tmp_path / "alice.tar",
        file("engine.c"),
        file("../out", b"!"),
        file("a/../../out", b"!"),
        file("/abs/file", b"relative\n"),
    )
    found, notes = laid_down(path, tmp_path / "w")
    assert found == {"engine.c": b"text\n", "abs/file": b"relative\n"}
    assert not (tmp_path / "out").exists() and not (tmp_path / "w" / "out").exists()
    assert "left out, the path leads out of the submission: ../out, a/../../out" in notes
    assert "taken as relative, the path was absolute: /abs/file" in notes


def test_no_link_leads_out_and_nothing_is_written_through_one(tmp_path: Path, laid_down: LaidDown) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    path = tar(
        tmp_path / "alice.tar",
        file("engine.c"),
        entry("door", tarfile.SYMTYPE, str(outside)),
        file("door/planted", b"!"),
        entry("up", tarfile.SYMTYPE, "../../outside/secret"),
        entry("hard", tarfile.LNKTYPE, "../../outside/secret"),
        entry("first", tarfile.SYMTYPE, "second"),
        entry("second", tarfile.SYMTYPE, "first"),
        entry("self", tarfile.SYMTYPE, "."),
    )
    found, notes = laid_down(path, tmp_path / "w")
    assert found == {"engine.c": b"text\n", "door/planted": b"!"}
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert any("leads out of the submission or nowhere" in note for note in notes)


def test_links_that_stay_inside_become_copies(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(
        tmp_path / "alice.tar",
        entry("src/early.h", tarfile.SYMTYPE, "../include/a.h"),
        file("include/a.h", b"a"),
        entry("src/inc", tarfile.SYMTYPE, "../include"),
        entry("src/through.h", tarfile.SYMTYPE, "inc/a.h"),
        entry("hard.h", tarfile.LNKTYPE, "include/a.h"),
        file("engine.c"),
    )
    found, _ = laid_down(path, tmp_path / "w")
    for name in ("src/early.h", "src/inc/a.h", "src/through.h", "hard.h"):
        assert found[name] == b"a"


def test_a_zip_holds_links_too(tmp_path: Path, laid_down: LaidDown) -> None:
    files = {"engine.c": b"text", "in.c": b"engine.c", "out.c": b"/etc/passwd", "pipe": b""}
    modes = {
        "in.c": stat.S_IFLNK | 0o777,
        "out.c": stat.S_IFLNK | 0o777,
        "pipe": stat.S_IFIFO | 0o666,
        "engine.c": stat.S_IFREG | 0o6755,
    }
    found, notes = laid_down(zipped(tmp_path / "a.zip", files, modes), tmp_path / "w")
    assert found == {"engine.c": b"text", "in.c": b"text"}
    assert "left out, neither file nor folder: pipe" in notes


def test_devices_and_pipes_are_left_out(tmp_path: Path, laid_down: LaidDown) -> None:
    kinds = {"fifo": tarfile.FIFOTYPE, "disk": tarfile.BLKTYPE, "null": tarfile.CHRTYPE}
    members = [entry(name, kind) for name, kind in kinds.items()]
    found, notes = laid_down(tar(tmp_path / "a.tar", file("engine.c"), *members), tmp_path / "w")
    assert set(found) == {"engine.c"}
    assert notes == ("left out, neither file nor folder: fifo, disk, null",)


def test_of_two_with_one_name_the_last_counts(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(
        tmp_path / "a.tar", file("engine.c", b"1"), file("Engine.c", b"other"), file("./engine.c", b"2")
    )
    found, notes = laid_down(path, tmp_path / "w")
    assert found == {"engine.c": b"2", "Engine.c": b"other"}
    assert notes == ("there twice, the last one counts: engine.c",)


def test_a_file_where_a_folder_is_costs_only_itself(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(
        tmp_path / "a.tar", file("src", b"file"), file("src/engine.c"), file("a/b"), file("a", b"file")
    )
    found, notes = laid_down(path, tmp_path / "w")
    assert found == {"src": b"file", "a/b": b"text\n"}
    assert len(notes) == 2


def test_names_that_make_does_not_take(tmp_path: Path, laid_down: LaidDown) -> None:
    files = {"OS project (1)/engine.c": b"1", "OS project (1)/b\tc$(x).h": b"2", "windows\\src\\x.c": b"3"}
    found, notes = laid_down(zipped(tmp_path / "a.zip", files), tmp_path / "w")
    assert found == {
        "OS_project__1_/engine.c": b"1",
        "OS_project__1_/b_c__x_.h": b"2",
        "windows/src/x.c": b"3",
    }
    assert any(note.startswith("renamed") for note in notes)


def test_a_name_that_is_no_text(tmp_path: Path, laid_down: LaidDown) -> None:
    member = file("n\udcfcme.c")
    found, notes = laid_down(tar(tmp_path / "a.tar", member), tmp_path / "w")
    assert set(found) == {"n_me.c"}
    "".join(notes).encode("utf-8")


def test_names_that_are_too_long(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(tmp_path / "a.tar", file("engine.c"), file("x" * 300), file("/".join("d" * 60) + "/f"))
    found, notes = laid_down(path, tmp_path / "w")
    assert set(found) == {"engine.c"}
    assert len(notes) == 2


def test_what_a_header_claims_does_not_count(tmp_path: Path, laid_down: LaidDown) -> None:
    """A zip whose directory says 10 bytes where there are a million."""
    path = zipped(tmp_path / "a.zip", {"big": bytes(MIB)})
    content = path.read_bytes().replace(MIB.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(LabError, match=r"a\.zip is damaged"):
        laid_down(path, tmp_path / "w")


def test_a_file_that_is_too_long_is_left_out_alone(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tar(tmp_path / "a.tar", file("disk.img", bytes(2 * MIB)), file("engine.c"))
    found, notes = laid_down(path, tmp_path / "w", Limits(file_bytes=MIB))
    assert found == {"engine.c": b"text\n"}
    assert notes == ("left out, longer than 1,048,576 bytes: disk.img",)


def test_a_header_cannot_fill_the_memory(tmp_path: Path, laid_down: LaidDown) -> None:
    """An extended header of 1 MiB: tarfile would read it at once, of whatever length."""
    content = tar_bytes((entry("x", tarfile.XHDTYPE)[0], bytes(MIB)), file("engine.c"))
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(LabError, match="damaged or cut short: a piece of"):
        laid_down(path, tmp_path / "w")


def test_headers_upon_headers(tmp_path: Path, laid_down: LaidDown) -> None:
    """tarfile calls itself for each extended header."""
    content = tar_bytes((entry("x", tarfile.XHDTYPE)[0], b"")).rstrip(b"\0").ljust(512, b"\0")
    path = tmp_path / "a.tar"
    path.write_bytes(content * 3000 + tar_bytes(file("engine.c")))
    with pytest.raises(LabError, match="damaged or cut short"):
        laid_down(path, tmp_path / "w")


def test_a_tar_without_its_end_is_noted(tmp_path: Path, laid_down: LaidDown) -> None:
    whole = tar_bytes(file("a.c"), file("b.c"))
    for length, count in ((1024, 1), (1024 + 100, 1), (2048, 2), (2048 + 512, 2)):
        path = tmp_path / "alice.tar"
        path.write_bytes(whole[:length])
        found, notes = laid_down(path, tmp_path / "w")
        assert len(found) == count
        assert notes == (() if length > 2048 else ("perhaps cut short, its end is missing: alice.tar",))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2", "tar.zst"])
def test_cut_short(kind: str, tmp_path: Path, laid_down: LaidDown) -> None:
    whole = tmp_path / f"whole.{kind}"
    noise = os.urandom(50_000)
    if kind == "zip":
        zipped(whole, {"engine.c": noise})
    elif kind == "tar.zst":
        whole.write_bytes(zstd.compress(tar_bytes(file("engine.c", noise))))
    else:
        mode = f"w:{kind[4:]}" if kind != "tar" else "w"
        with tarfile.open(whole, mode) as archive:  # type: ignore[call-overload]
            member, _ = file("engine.c")
            member.size = len(noise)
            archive.addfile(member, io.BytesIO(noise))
    cut = tmp_path / f"alice.{kind}"
    cut.write_bytes(whole.read_bytes()[:30_000])
    with pytest.raises(LabError, match=rf"alice: the archive alice\.{kind} is damaged or cut short"):
        laid_down(cut, tmp_path / "w")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_is_not_the_submissions_fault(
    number: int, tmp_path: Path, laid_down: LaidDown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    path = zipped(tmp_path / "a.zip", ENGINE)
    monkeypatch.setattr("grading.submissions.site.Site.file", full)
    with pytest.raises(OSError, match="no"):
        laid_down(path, tmp_path / "w")


def test_encrypted(tmp_path: Path, laid_down: LaidDown) -> None:
    path = zipped(tmp_path / "a.zip", ENGINE)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(LabError, match="is encrypted"):
        laid_down(path, tmp_path / "w")


def test_an_empty_archive(tmp_path: Path, laid_down: LaidDown) -> None:
    with pytest.raises(LabError, match="alice: nothing in it can be graded: it is empty"):
        laid_down(zipped(tmp_path / "a.zip", {}), tmp_path / "w")


NAMES = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", "c d", "link", "é", "\udcff", "x" * 250, "\n", "~"]),
    min_size=1,
    max_size=4,
).map("/".join)
TARGETS = st.sampled_from(
    ["a", "b", "link", "..", "../..", "/etc/passwd", ".", "../link/a", "a/../../b", "x" * 5000, ""]
)
USUAL = (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
UNUSUAL = (tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.CONTTYPE, b"V", tarfile.GNUTYPE_LONGNAME)
KINDS = st.sampled_from((*USUAL, *UNUSUAL))
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["", "/", "./"]),
        NAMES,
        KINDS,
        TARGETS,
        st.integers(0, 0o7777),
        st.binary(max_size=40),
    ),
    max_size=12,
)
SMALL = Limits(members=30, kept_bytes=300, folders=6)
ANYTHING = settings(max_examples=150)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def check_nothing_gets_out(fill: Callable[[Path], Path], laid_down: LaidDown) -> None:
    with tempfile.TemporaryDirectory() as made:
        outside = Path(made)
        work = outside / "deep" / "work"
        work.mkdir(parents=True)
        (outside / "canary").write_text("canary")
        source = fill(outside)
        before = everything(outside)
        try:
            found, notes = laid_down(source, work, SMALL)
        except LabError as error:
            assert str(error).startswith("alice: ")
            str(error).encode("utf-8")
        else:
            assert len(found) <= SMALL.members
            assert sum(map(len, found.values())) <= SMALL.kept_bytes
            "".join(notes).encode("utf-8")
            assert not any(b"canary" in content for content in found.values())
        assert everything(outside) == before
        assert (outside / "canary").read_text() == "canary"


@given(members=MEMBERS)
@example(
    members=[
        ("", "link", tarfile.SYMTYPE, "../..", 0, b""),
        ("", "link/canary", tarfile.REGTYPE, "", 0, b"x"),
    ]
)
@example(members=[("", "a", tarfile.SYMTYPE, "x" * 5000, 0, b"")])
@ANYTHING
def test_whatever_a_tar_holds(
    members: list[tuple[str, str, bytes, str, int, bytes]], laid_down: LaidDown
) -> None:
    def fill(folder: Path) -> Path:
        made = [
            (entry(root + name, kind, target, mode)[0], content if kind == tarfile.REGTYPE else b"")
            for root, name, kind, target, mode, content in members
        ]
        return tar(folder / "alice.tar", *made)

    check_nothing_gets_out(fill, laid_down)


@given(
    members=st.lists(
        st.tuples(st.sampled_from(["", "/", "C:\\", "..\\"]), NAMES, st.integers(0, 0xFFFF), TARGETS),
        max_size=12,
    )
)
@ANYTHING
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_a_zip_holds(members: list[tuple[str, str, int, str]], laid_down: LaidDown) -> None:
    def fill(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "alice.zip", "w") as archive:
            for root, name, mode, content in members:
                information = zipfile.ZipInfo((root + name).replace("\udcff", "ÿ") or "x")
                information.external_attr = mode << 16
                archive.writestr(information, content)
        return folder / "alice.zip"

    check_nothing_gets_out(fill, laid_down)


@given(
    kind=st.sampled_from(["tar", "zip"]),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8),
)
@example(kind="zip", changes=[(308, 1)])
@ANYTHING
def test_whatever_is_damaged(kind: str, changes: list[tuple[int, int]], laid_down: LaidDown) -> None:
    def fill(folder: Path) -> Path:
        path = folder / "alice.zip"
        if kind == "zip":
            zipped(path, {"engine.c": b"int main" * 9, "src/a.c": b"a", "src/b.c": b"b"})
        else:
            tar(
                path,
                file("engine.c", b"int main" * 9),
                file("src/a.c"),
                entry("l", tarfile.SYMTYPE, "engine.c"),
            )
        content = bytearray(path.read_bytes())
        for at, value in changes:
            content[at % len(content)] = value
        path.write_bytes(content)
        return path

    check_nothing_gets_out(fill, laid_down)
