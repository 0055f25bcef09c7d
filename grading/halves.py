"""The halves of a submission, engine and monitor: what each is made from, whose it is, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grading.guest.delivery import Product
from grading.submissions.attempts import Attempt

REFERENCE = "/reference"
"""Where the kit's own engine and monitor lie in a guest."""

Whose = Literal["submission", "reference"]


@dataclass(frozen=True)
class Half:
    """What a half of a submission is made from. All paths are in the guest."""

    whose: Whose
    folder: str = ""
    """Empty where there is nothing."""
    attempts: tuple[Attempt, ...] = ()
    products: tuple[str, ...] = ()
    """Where the program or module is expected, the likeliest first; else it is looked for."""
    reasons: tuple[str, ...] = ()
    """Why this was taken, or nothing was."""
    sources: tuple[str, ...] = ()
    """Names of the files that a compiler is given, without folders."""


@dataclass(frozen=True)
class Built:
    """What came out of building."""

    engine: Product
    module: Product


def reference_engine() -> Half:
    """Our engine, in the place of a submission's."""
    folder = f"{REFERENCE}/runtime"
    init = Attempt("reference", ("make", "-s", "-C", "init"), folder, apart=True)
    return Half("reference", folder, (init,), (f"{folder}/engine",))


def reference_module() -> Half:
    """Our monitor, in the place of a submission's."""
    folder = f"{REFERENCE}/kernel"
    return Half("reference", folder, (Attempt("reference", ("make", "-s"), folder, apart=True),))
