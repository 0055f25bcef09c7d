"""System calls that a container does without: a filter in classic BPF (seccomp(2)).

Capabilities guard what a call does. The calls below ask for none, or for one that a new user
namespace hands out, and what they reach is not divided by namespaces, or is so large that it
had one hole after the other. The kernel runs the filter before each system call; it is
inherited by every child, survives exec, and cannot be taken away again.

Numbers and structures are those of linux/filter.h, linux/seccomp.h, linux/audit.h, linux/sched.h
and asm/unistd.h.
"""

from __future__ import annotations

import os

_LOAD, _RETURN = 0x20, 0x06
"""BPF_LD | BPF_W | BPF_ABS: a word of `struct seccomp_data`; BPF_RET | BPF_K: the verdict."""
_IF_EQUAL, _IF_ANY_BIT = 0x15, 0x45
"""BPF_JMP | BPF_JEQ | BPF_K and BPF_JMP | BPF_JSET | BPF_K: what was loaded against a constant."""

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`; of an argument the low half, as both architectures are little-endian."""

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
EPERM, ENOSYS = 1, 38

X32 = 0x40000000
"""This bit in a number means the x32 interface of x86-64; the same calls under other numbers."""

NAMESPACES = 0x7E020000
"""CLONE_NEW* but CLONE_NEWTIME, which clone() cannot make."""

CLONE3 = 435

# Of each: AUDIT_ARCH_*, clone, and what is refused. Numbers from 425 on are the same everywhere.
_ARCHITECTURES = {
    "x86_64": (0xC000003E, 56, (248, 249, 250, 272, 298, 308, 321, 323)),
    "aarch64": (0xC00000B7, 220, (217, 218, 219, 97, 241, 268, 280, 282)),
}
"""add_key, request_key, keyctl: the kernel's key rings know no container. unshare, setns: a user namespace
gives all capabilities over what belongs to it. perf_event_open, bpf, userfaultfd: much code, many holes."""

_IO_URING = (425, 426, 427)
"""Its work is done by threads of the kernel, which no filter sees."""

Statement = tuple[int, int, int, int]
"""Code, how many statements to skip if true, if false, constant: `struct sock_filter`."""


def load(offset: int) -> Statement:
    """Load the word of `struct seccomp_data` at this offset."""
    return _LOAD, 0, 0, offset


def if_equal(value: int, then: int, otherwise: int) -> Statement:
    """Skip so many statements where the loaded word is `value`, so many where it is not."""
    return _IF_EQUAL, then, otherwise, value


def if_any_bit(bits: int, then: int, otherwise: int) -> Statement:
    """Skip so many statements where the loaded word has one of these bits, so many where it has none."""
    return _IF_ANY_BIT, then, otherwise, bits


def refuse(errno: int) -> Statement:
    """The call is not made, and fails with this error."""
    return _RETURN, 0, 0, _ERRNO | errno


def allow() -> Statement:
    """The call is made."""
    return _RETURN, 0, 0, _ALLOW


def statements(architecture: int, clone: int, refused: tuple[int, ...]) -> list[Statement]:
    """The filter, as a list.

    Args:
        architecture: AUDIT_ARCH_* of the only interface that may be used at all.
        clone: the number of clone(2) there.
        refused: the numbers of calls that fail with EPERM.
    """
    # region 10.filter
    found = [load(ARCHITECTURE), if_equal(architecture, 1, 0), refuse(EPERM)]
    found += [load(NUMBER), if_any_bit(X32, 0, 1), refuse(EPERM)]
    for number in refused:
        found += [if_equal(number, 0, 1), refuse(EPERM)]
    # The flags of clone3() lie behind a pointer, which no filter can follow. Told that there is no such
    # call, the C libraries fall back to clone().
    found += [if_equal(CLONE3, 0, 1), refuse(ENOSYS)]
    found += [if_equal(clone, 0, 3), load(FIRST_ARGUMENT), if_any_bit(NAMESPACES, 0, 1), refuse(EPERM)]
    return [*found, allow()]
    # endregion 10.filter


def program(machine: str) -> bytes:
    """The filter as the kernel takes it: an array of `struct sock_filter`, 8 bytes each.

    Args:
        machine: as uname(2) names it. For one that is not known there is no filter: no bytes, which the kernel
            refuses (EINVAL), so that no container runs without one.
    """
    if machine not in _ARCHITECTURES:
        return b""
    architecture, clone, refused = _ARCHITECTURES[machine]
    return b"".join(
        code.to_bytes(2, "little") + bytes((then, otherwise)) + value.to_bytes(4, "little")
        for code, then, otherwise, value in statements(architecture, clone, refused + _IO_URING)
    )


PROGRAM = program(os.uname().machine)
"""Made once, in the zygote: its children only install it."""
