"""The real image: whole, without secrets, the same bytes when it is built again; and the playbook's second run."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import paths
from lab.console import NoProgress
from lab.image import contents, mirror, store, tools
from lab.image.golden import GoldenImage, golden_image

pytestmark = [pytest.mark.vm, pytest.mark.slow]


@pytest.fixture(scope="module")
def golden() -> GoldenImage:
    return golden_image(progress=NoProgress())


@pytest.fixture(scope="module")
def base(golden: GoldenImage) -> store.Image:
    return golden.base


@pytest.fixture(scope="module")
def raw(golden: GoldenImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The golden disk, as debugfs(8) reads it without mounting."""
    path = tmp_path_factory.mktemp("golden") / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(golden.boot.disk), str(path)], check=True)
    yield path
    path.unlink()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own are closed, and closed again by every pytest that starts."""
    folder = Path(tempfile.mkdtemp(prefix="boxwright-again-"))
    yield folder
    shutil.rmtree(folder)


def debugfs(raw: Path, command: str) -> str:
    return tools.output(["debugfs", "-R", command, str(raw)])


def test_the_manifest_tells_the_truth(base: store.Image) -> None:
    manifest = base.manifest()
    for name, said in manifest["files"].items():
        with (base.folder / name).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == said["sha256"], name
    packages = manifest["packages"]
    assert set(contents.read().packages) <= set(packages)
    assert {f"linux-image-{base.kernel_release}", f"linux-headers-{base.kernel_release}"} <= set(packages)
    assert manifest["source_date_epoch"] >= max(archive["date"] for archive in manifest["archives"])


@pytest.mark.parametrize(
    "path", ["/root/.ssh/authorized_keys", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key"]
)
def test_no_secret_is_in_the_image(raw: Path, path: str) -> None:
    assert "File not found" in debugfs(raw, f"stat {path}")


def test_no_guest_is_another_ones_twin(raw: Path) -> None:
    assert "Size: 0" in debugfs(raw, "stat /etc/machine-id")


def test_building_again_gives_the_same_bytes(base: store.Image, open_folder: Path) -> None:
    """In a cache of its own and, where this host has one, as an ordinary user: root's bytes and theirs are equal."""
    user = ordinary_user() if os.geteuid() == 0 else None
    code = (
        "import json; from lab.console import NoProgress;"
        "from lab.image.build import base_image; from lab.image.installation import mode;"
        f"image = base_image({base.suite!r}, NoProgress());"
        "print(json.dumps([mode(), image.name, image.manifest()['files']]))"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "BOXWRIGHT_CACHE": str(open_folder / "cache"),
    }
    environment |= {
        name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ
    }
    python = [sys.executable]
    if user is not None:
        os.chown(open_folder, user.pw_uid, user.pw_gid)
        environment["HOME"] = str(open_folder)
        environment["PYTHONPATH"] = f"{paths.CHECKOUT}:{sysconfig.get_path('purelib')}"
        python = [*as_user(user), python_for(user)]
    command = [*python, "-B", "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    mode, name, files = json.loads(done.stdout)
    assert mode == ("unshare" if user or os.geteuid() else "root")
    if name != base.name:
        wanted = mirror.find_mirror(base.suite)
        pytest.skip(f"the mirror moved on since {base.name} was built (now {wanted.lines[0]}: {name})")
    assert files == base.manifest()["files"]


def as_user(user: pwd.struct_passwd) -> list[str]:
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def python_for(user: pwd.struct_passwd) -> str:
    """A Python of our version that the user may run; empty where there is none."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{here}"):
        command = [*as_user(user), candidate, "-c", "import sys; sys.stdout.write(sys.argv[1])", "fine"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
        if done.stdout == "fine":
            return candidate
    return ""


def ordinary_user() -> pwd.struct_passwd | None:
    """An account that could build here: with subordinate ids, a Python, and this checkout readable."""
    try:
        names = [line.split(":")[0] for line in Path("/etc/subuid").read_text().splitlines()]
    except OSError:
        return None
    for user in pwd.getpwall():
        if user.pw_uid == 0 or user.pw_name not in names or not python_for(user):
            continue
        readable = ["test", "-r", str(contents.vars_file())]
        if subprocess.run([*as_user(user), *readable], check=False).returncode == 0:
            return user
    return None
