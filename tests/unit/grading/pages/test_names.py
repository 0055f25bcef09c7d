"""Names of files for submissions of any name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.pages.names import file_names

FORMS = r"[A-Za-z0-9._-]{1,90}\.html"


@given(
    st.lists(
        st.text(st.characters(), max_size=300) | st.sampled_from(["a", "A", "a/", "index", "CON"]),
        unique=True,
    )
)
def test_any_names_become_different_files_in_the_folder(submissions: list[str]) -> None:
    names = file_names(submissions)
    assert list(names) == submissions
    for name in names.values():
        assert re.fullmatch(FORMS, name) and not name.startswith((".", "-")), name
        assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)\..*", name, re.IGNORECASE)
    assert len({name.casefold() for name in names.values()}) == len(submissions)


@pytest.mark.parametrize("name", ["ada-lovelace", "team_07", "v1.2", "X"])
def test_a_harmless_name_stays(name: str) -> None:
    assert file_names([name, "other"])[name] == f"{name}.html"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs", "..", ".", "a/b", "a\\b", "a\0b", "~root", "-rf", ".hidden"]
)
def test_no_path_leaves_the_folder(name: str) -> None:
    found = file_names([name])[name]
    assert "/" not in found and "\\" not in found and not found.startswith((".", "-", "~"))


def test_upper_and_lower_case_do_not_meet_on_a_disk_that_is_blind_to_them() -> None:
    names = file_names(["Ada", "ada", "ADA", "bob"])
    assert len({name.casefold() for name in names.values()}) == 4
    assert names["bob"] == "bob.html"


def test_a_name_that_imitates_another_ones_file_does_not_get_it() -> None:
    taken = file_names(["a b"])["a b"].removesuffix(".html")
    names = file_names(["a b", taken])
    assert names["a b"] != names[taken]


def test_a_name_keeps_its_file_when_others_come() -> None:
    assert file_names(["a b"])["a b"] == file_names(["x", "a b", "a-b"])["a b"]
