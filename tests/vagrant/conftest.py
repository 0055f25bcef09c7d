"""The private libvirtd as a fixture."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    """The module beside this file: pytest puts no folder of tests into the path."""
    spec = importlib.util.spec_from_file_location(
        "private_libvirt", Path(__file__).with_name("private_libvirt.py")
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def private_libvirt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    module = _load()
    if reason := module.why_not():
        pytest.skip(reason)
    with module.private_libvirt(tmp_path_factory.mktemp("libvirt")) as running:
        yield running
