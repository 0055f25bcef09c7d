"""Made-up hosts for `bootstrap.sh`: their PATH holds a few real tools and stubs of apt, Python and sudo.

The stubs write what they were asked to a journal, so a test can say what was *not* done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
REAL_TOOLS = (
    *("bash", "sh", "cat", "chmod", "cut", "dirname", "echo", "env", "flock", "head", "mkdir", "mv", "readlink"),
    *("rm", "sha256sum", "sleep", "sync", "touch", "tr", "true"),
)  # fmt: skip
NOBODY = 65534
DEADLINE = 30.0

PYTHON_STUB = """#!/bin/sh
# A Python of version VERSION: enough of it to be chosen, to make an environment and to be its pip.
case "$*" in
    *find_spec*)
        [ -f "$HOST/too-old" ] && exit 1
        printf '%s\\tVERSION\\tyes\\n' "$0" ;;
    *"-m venv"*)
        echo "venv VERSION" >> "$HOST/journal"
        for last; do :; done
        mkdir -p "$last/bin" && cat "$0" > "$last/bin/python" && chmod +x "$last/bin/python" ;;
    *"-m pip"*)
        echo "pip $*" >> "$HOST/journal"
        touch "$HOST/pip-runs"
        [ -f "$HOST/pip-hangs" ] && exec sleep 60
        [ -f "$HOST/pip-fails" ] && exit 1
        exit 0 ;;
    *sys.version*) echo "VERSION.1 (stub)" ;;
esac
"""

APT_STUB = """#!/bin/sh
echo "apt-get $*" >> "$HOST/journal"
case "$*" in
    *--simulate*) [ ! -f "$HOST/lists-empty" ] ;;
    *update*) rm -f "$HOST/lists-empty" ;;
    *install*)
        [ -f "$HOST/apt-fails" ] && exit 100
        echo "noise of apt"
        for name; do echo "$name" >> "$HOST/installed"; done ;;
esac
"""

DPKG_STUB = """#!/bin/sh
shift 3
for name; do
    while read -r have; do [ "$have" = "$name" ] && echo "ii  $name"; done < "$HOST/installed"
done
exit 0
"""

SUDO_STUB = """#!/bin/sh
echo "sudo $*" >> "$HOST/journal"
[ -f "$HOST/sudo-refuses" ] && exit 1
[ "$1" = -v ] && exit 0
exec "$@"
"""


class Host:
    """A made-up host with a checkout on it."""

    python_stub, sudo_stub = PYTHON_STUB, SUDO_STUB

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "bin"
        self.checkout = root / "a checkout"
        self.tools.mkdir()
        self.checkout.mkdir()
        shutil.copy(CHECKOUT / "bootstrap.sh", self.checkout)
        (self.checkout / "requirements.lock").write_text("first\n")
        (self.checkout / "requirements-site.lock").write_text("first\n")
        (self.checkout / "pyproject.toml").write_text("[project]\n")
        for tool in REAL_TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.tools / tool).symlink_to(found)
        self.program("uname", "#!/bin/sh\necho x86_64\n")
        self.program("apt-get", APT_STUB)
        self.program("dpkg-query", DPKG_STUB)
        self.python("3.11")
        (root / "installed").write_text("")
        (root / "journal").write_text("")

    def program(self, name: str, text: str) -> None:
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def python(self, version: str) -> None:
        self.program(f"python{version}", PYTHON_STUB.replace("VERSION", version))

    def given(self, fact: str) -> None:
        (self.root / fact).touch()

    def no_longer(self, fact: str) -> None:
        (self.root / fact).unlink()

    def journal(self) -> list[str]:
        """What was asked of apt, pip and sudo since the last look."""
        path = self.root / "journal"
        lines = path.read_text().splitlines()
        path.write_text("")
        return lines

    def start(self, *command: str, user: int | None = None, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.checkout / "bootstrap.sh", *command],
            env={"PATH": str(self.tools), "HOST": str(self.root), "HOME": str(self.root), **variables},
            cwd=self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            user=user,
        )

    def run(
        self, *command: str, user: int | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*command, user=user, **variables)
        stdout, stderr = process.communicate(timeout=DEADLINE)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    @property
    def stamp(self) -> Path:
        return self.checkout / ".venv/boxwright-stamp"


@pytest.fixture
def host() -> Iterator[Host]:
    # Not tmp_path: the ordinary user of some tests could not enter it.
    root = Path(tempfile.mkdtemp(prefix="boxwright-bootstrap-"))
    root.chmod(0o755)
    yield Host(root)
    shutil.rmtree(root)


@pytest.fixture
def ordinary_user(host: Host) -> int | None:
    """Gives the host to a user who is not root, and names them (None: the tests run as one already)."""
    if os.geteuid() != 0:
        return None
    for path in [host.root, *host.root.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return NOBODY
