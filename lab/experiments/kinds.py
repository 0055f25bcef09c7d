"""The kinds of experiment that there are."""

from __future__ import annotations

from collections.abc import Mapping

from lab.experiments import cpu, latency, memory
from lab.experiments.model import Kind

KINDS: Mapping[str, Kind] = {each.name: each for each in (memory.KIND, cpu.KIND, latency.KIND)}
