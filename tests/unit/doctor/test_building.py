from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lab.doctor import building
from lab.doctor.finding import Finding
from lab.image import tools

APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


def programs(folder: Path, *names: str, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_each_missing_tool_is_named_with_its_package(tmp_path: Path) -> None:
    there = programs(
        tmp_path / "bin", *(name for name in tools.PACKAGES if name not in ("debugfs", "qemu-img"))
    )
    found = only(building.build_tools(str(there)))
    assert (found.status, found.found) == ("failed", "not installed: debugfs, qemu-img")
    assert found.fix.endswith("-y e2fsprogs qemu-utils")
    programs(there, "debugfs", "qemu-img")
    assert only(building.build_tools(str(there))).status == "ok"


def test_mmdebstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "SEARCH_PATH", f"{tmp_path}:/usr/bin:/bin")
    programs(tmp_path, "mmdebstrap", script="echo mmdebstrap 1.5.7")
    assert only(building.mmdebstrap()) == Finding("mmdebstrap", "ok", "mmdebstrap 1.5.7")
    programs(tmp_path, "mmdebstrap", script="echo no perl >&2; exit 2")
    broken = only(building.mmdebstrap())
    assert (broken.status, "no perl" in broken.found) == ("failed", True)
    monkeypatch.setattr(tools, "SEARCH_PATH", str(tmp_path / "nowhere"))
    assert only(building.mmdebstrap()).fix.endswith(" mmdebstrap")


# --- namespaces ---


class Kernel:
    """Says yes to what is named, and remembers what was tried."""

    def __init__(self, *allows: str) -> None:
        self.allows = allows
        self.tried: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.tried.append(" ".join(arguments))
        return (0, "") if arguments[0] in self.allows else (1, f"{arguments[0]}: Operation not permitted")


def the_namespaces(
    tmp_path: Path,
    kernel: Kernel,
    *,
    user: int = 1000,
    mmdebstrap: bool = True,
    settings: Mapping[str, str] | None = None,
) -> tuple[Finding, Finding]:
    for name, value in (settings or {}).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{value}\n")
    if mmdebstrap:
        programs(tmp_path / "bin", "mmdebstrap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tools, "SEARCH_PATH", str(tmp_path / "bin"))
        patch.setattr("os.geteuid", lambda: user)
        namespaces, apparmor = building.namespaces(sysctl=tmp_path, run=kernel)
    assert (namespaces.name, apparmor.name) == ("namespaces", "apparmor")
    return namespaces, apparmor


def test_namespaces_that_work(tmp_path: Path) -> None:
    kernel = Kernel("unshare", "mmdebstrap")
    namespaces, apparmor = the_namespaces(tmp_path, kernel)
    assert (namespaces.status, apparmor.status) == ("ok", "ok")
    assert namespaces.found.startswith("user and mount namespaces")
    assert kernel.tried[-1] == "mmdebstrap --unshare-helper mount -t tmpfs tmpfs /mnt"
    assert "--user" in kernel.tried[0]


def test_root_needs_no_user_namespace(tmp_path: Path) -> None:
    kernel = Kernel("unshare", "mmdebstrap")
    namespaces, apparmor = the_namespaces(tmp_path, kernel, user=0, settings={APPARMOR: "1"})
    assert (namespaces.status, apparmor.status) == ("ok", "skipped")
    assert "--user" not in kernel.tried[0]


def test_root_in_a_container_that_may_not_mount(tmp_path: Path) -> None:
    namespaces, _ = the_namespaces(tmp_path, Kernel(), user=0)
    assert namespaces.status == "failed"
    assert "--privileged" in namespaces.fix


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
        ("kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            APPARMOR,
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_the_setting_that_forbids_them_is_named(tmp_path: Path, setting: str, value: str, fix: str) -> None:
    namespaces, apparmor = the_namespaces(tmp_path, Kernel(), settings={setting: value})
    assert (namespaces.status, namespaces.fix) == ("failed", fix)
    assert "Operation not permitted" in namespaces.found
    assert apparmor.status == ("failed" if "apparmor" in setting else "ok")


def test_ubuntus_profile_for_mmdebstrap_is_enough(tmp_path: Path) -> None:
    namespaces, apparmor = the_namespaces(tmp_path, Kernel("mmdebstrap"), settings={APPARMOR: "1"})
    assert (namespaces.status, apparmor.status) == ("ok", "ok")
    assert "profile" in apparmor.found


def test_namespaces_without_mapped_ids_are_not_enough(tmp_path: Path) -> None:
    namespaces, _ = the_namespaces(tmp_path, Kernel("unshare"))
    assert namespaces.status == "failed"
    assert "subordinate-ids" in namespaces.fix


def test_without_mmdebstrap_unshare_is_tried_alone(tmp_path: Path) -> None:
    kernel = Kernel("unshare")
    namespaces, _ = the_namespaces(tmp_path, kernel, mmdebstrap=False)
    assert namespaces.status == "ok"
    assert len(kernel.tried) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="as root it surely works, unless in a container")
def test_the_real_kernel_is_asked() -> None:
    assert [each.name for each in building.namespaces()] == ["namespaces", "apparmor"]


# --- subordinate ids ---


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """newuidmap as it should be, and a range for the user ann."""
    for name in ("newuidmap", "newgidmap"):
        programs(tmp_path / "bin", name)
        (tmp_path / "bin" / name).chmod(0o4755)
    (tmp_path / "subuid").write_text("ben:100000:65536\nann:165536:65536\n")
    (tmp_path / "subgid").write_text("ann:165536:65536\n")
    return tmp_path


def the_ids(host: Path, **changes: object) -> Finding:
    arguments: dict[str, object] = {
        "user": 1000, "name": "ann", "files": (host / "subuid", host / "subgid"), "path": str(host / "bin"),
    }  # fmt: skip
    return only(building.subordinate_ids(**{**arguments, **changes}))  # type: ignore[arg-type]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes setuid-root programs")


@needs_root
def test_a_range_for_the_user_by_name_or_by_number(host: Path) -> None:
    assert the_ids(host).status == "ok"
    (host / "subuid").write_text("1000:165536:65536\n")
    assert the_ids(host).status == "ok"


def test_root_needs_no_range(host: Path) -> None:
    assert the_ids(host, user=0, path="/nowhere").status == "skipped"


@needs_root
@pytest.mark.parametrize("line", ["", "ben:100000:65536", "ann:165536:65535", "ann:x:y"])
def test_no_range_or_one_that_is_too_short(host: Path, line: str) -> None:
    (host / "subgid").write_text(line + "\n")
    found = the_ids(host)
    assert found.status == "failed"
    assert "subgid" in found.found and "subuid" not in found.found


@needs_root
def test_the_range_that_is_proposed_is_nobodys(host: Path) -> None:
    (host / "subuid").write_text("ben:200000:65536\n")
    found = the_ids(host)
    assert "usermod --add-subuids 265536-331071 --add-subgids 265536-331071 ann" in found.fix
    for name in ("subuid", "subgid"):
        (host / name).unlink()
    assert "--add-subuids 100000-165535" in the_ids(host).fix


def test_newuidmap_is_missing(host: Path) -> None:
    (host / "bin/newuidmap").unlink()
    assert the_ids(host).fix.endswith(" uidmap")


def test_newuidmap_has_lost_its_privilege(host: Path) -> None:
    (host / "bin/newgidmap").chmod(0o755)
    (host / "bin/newuidmap").chmod(0o755)
    found = the_ids(host)
    assert found.status == "failed"
    assert "--reinstall uidmap" in found.fix


@needs_root
def test_file_capabilities_are_a_privilege_too(host: Path) -> None:
    capability = b"\x01\x00\x00\x02\x80" + bytes(15)  # VFS_CAP_REVISION_2, cap_setuid (capabilities(7))
    for name in ("newuidmap", "newgidmap"):
        (host / "bin" / name).chmod(0o755)
        os.setxattr(host / "bin" / name, "security.capability", capability)
    assert the_ids(host).status == "ok"
