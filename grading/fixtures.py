"""The fixtures that a check may take: the submission, our eyes and hands in its guest, and helpers."""

from __future__ import annotations

from typing import Any

import pytest

from grading.session import Session


class Fixtures:
    """What the plugin offers; each is a service of the session."""

    @property
    def session(self) -> Session:
        """What the fixtures are services of."""
        raise NotImplementedError

    @pytest.fixture
    def graded(self) -> Session:
        """The session itself."""
        return self.session

    @pytest.fixture
    def engine(self) -> Any:
        """The engine, with a supervisor that answers."""
        return self.session.service("engine")

    @pytest.fixture
    def idle_engine(self) -> Any:
        """The engine; no supervisor is started for it."""
        return self.session.idle_engine()

    @pytest.fixture
    def observer(self) -> Any:
        """Our eyes and hands in the guest."""
        return self.session.service("observer")

    @pytest.fixture
    def guest(self) -> Any:
        """The guest itself: what it was like before the delivery, and what is new."""
        return self.session.guest

    @pytest.fixture
    def module(self) -> Any:
        """The monitor, loaded."""
        return self.session.service("module")

    @pytest.fixture
    def kernel_log(self) -> Any:
        """The kernel's log since the guest was fresh."""
        return self.session.service("kernel_log")

    @pytest.fixture
    def rootfs(self) -> Any:
        """Makes a rootfs at each call."""
        return self.session.new_rootfs

    @pytest.fixture
    def nonce(self) -> Any:
        """Makes a word that occurs nowhere else, at each call."""
        return self.session.nonce

    @pytest.fixture
    def own(self) -> Any:
        """The student's own numbers and words of an exercise: `own("08")["nice_fast"]`; `{}` for nobody's work."""
        return self.session.own

    @pytest.fixture
    def machine(self) -> Any:
        """The guest's machine: `run` a command over SSH. What it says, the guest says."""
        return self.session.guest.machine

    @pytest.fixture
    def host(self) -> Any:
        """testinfra's view of the guest. What it says, the guest's own programs say."""
        from lab.machine.testinfra_host import testinfra_host

        return testinfra_host(self.session.guest.machine)
