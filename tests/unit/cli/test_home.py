"""Where nobody says where a user's home folder is, every command that wants it says that in one sentence."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.run import vms
from grading.run.inventory import Listed
from lab import hosts, paths, program
from lab.doctor import vagrant
from lab.errors import LabError


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a user of a bare number.

    That the list of users does not know us is a mock, since becoming somebody else takes root.
    """

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "VAGRANT_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("BOXWRIGHT_CACHE", "BOXWRIGHT_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.parametrize(
    "wants",
    [
        paths.cache,
        paths.state,
        vagrant._home,
        lambda: hosts.usable_key(None),
        lambda: vms._pins(Listed("s", host="lab.example"), accept=True),
    ],
)
def test_it_is_one_sentence(wants: Callable[[], object]) -> None:
    with pytest.raises(LabError) as caught:
        wants()
    assert str(caught.value) == (
        "It is not known where your home folder is: HOME is not set, and this host knows no user "
        f"{os.getuid()}. Set HOME."
    )


def test_a_full_disk_is_told_all_the_same(tmp_path: Path) -> None:
    said = program._told(OSError(errno.ENOSPC, "No space left on device"), "Free some space.")
    assert "the least is left at" in said.what and said.remedy == "Free some space."
