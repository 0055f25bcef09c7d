"""A table of descriptors that is full, which every part of the engine has to bear."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAUSE = 0.02
"""Seconds between two looks."""


@pytest.fixture(autouse=True, scope="package")
def light_heap() -> None:
    """What is there before these tests stays there: their many calls of the collector look only at their own."""
    gc.collect()
    gc.freeze()


@contextmanager
def few_descriptors(room: int) -> Iterator[None]:
    """So many more descriptors can be had, and then EMFILE."""
    gc.collect()  # what earlier tests left is not to be given back meanwhile
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # None is given out above the limit, and below it all but `room` are in use.
    spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(room + 1)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare[-1], limits[1]))
    for descriptor in spare:
        os.close(descriptor)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def descriptors() -> set[str]:
    """What we hold open; not what a thread of another test has open for a moment."""
    gc.collect()
    seen, again = set[str](), _open_now()
    while seen != again:
        time.sleep(PAUSE)
        seen, again = again, _open_now()
    return again


def _open_now() -> set[str]:
    return {f"{one.name} {one.readlink()}" for one in Path("/proc/self/fd").iterdir() if one.is_symlink()}
