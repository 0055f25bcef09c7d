"""Regions of a text: found, checked, replaced."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.exercises import regions

PYTHON = """\
def one():
    before()
    # region 05.first
    if solved:

        deep()
    # endregion 05.first
# region 06.second
def two():
    pass
# endregion 06.second
"""

C = "int one(void)\n{\n\t/* region 06.list */\n\tif (a)\n\t\tb();\n\t/* endregion 06.list */\n}\n"


def test_bodies_are_found_without_their_indentation() -> None:
    found = regions.find(PYTHON, "it.py")
    assert list(found) == ["05.first", "06.second"]
    assert found["05.first"].body == "if solved:\n\n    deep()\n"
    assert found["06.second"].body == "def two():\n    pass\n"
    assert regions.find(C, "it.c")["06.list"].body == "if (a)\n\tb();\n"


def test_what_is_put_in_is_indented_as_its_markers_are() -> None:
    got = regions.replace(PYTHON, {"05.first": "# Nothing yet.\n\nif later:\n    do()\n"}, "it.py")
    assert "    # region 05.first\n    # Nothing yet.\n\n    if later:\n        do()\n    # endregion" in got
    assert "def two" in got and "deep" not in got
    assert "\t/* region 06.list */\n\treturn 0;\n\t/* end" in regions.replace(
        C, {"06.list": "return 0;\n"}, "c"
    )


def test_cut_and_put_back_gives_the_same_text() -> None:
    bodies = {name: region.body for name, region in regions.find(PYTHON, "it.py").items()}
    cut = regions.replace(PYTHON, dict.fromkeys(bodies, "stub\n"), "it.py")
    assert cut != PYTHON and regions.replace(cut, bodies, "it.py") == PYTHON


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# region 05.a\n# region 05.b\nx\n# endregion 05.b\n# endregion 05.a\n", "line 2: region 05.b begins inside"),
        ("x\n# region 05.a\nx\n", "line 2: region 05.a has no end"),
        ("# region 05.a\n\n# endregion 05.a\n", "region 05.a is empty"),
        ("# region 05.a\nx\n# endregion 05.b\n", "line 3: region 05.b ends inside of 05.a"),
        ("x\n# endregion 05.a\n", "line 2: region 05.a ends without having begun"),
        ("# region 05.a\nx\n# endregion 05.a\n" * 2, "line 4: region 05.a stands there twice"),
        ("# region five.a\nx\n# endregion five.a\n", "'five.a' is no name of a region"),
        ("// region 05.a\nx\n// endregion 05.a\n", "is almost the marker of a region"),
        ("# region 05.a: do it\nx\n# endregion 05.a\n", "is almost the marker of a region"),
    ],
)  # fmt: skip
def test_markers_that_are_not_in_order_are_errors(text: str, says: str) -> None:
    with pytest.raises(LabError) as caught:
        regions.find(text, "it.py")
    assert says in str(caught.value) and "it.py" in str(caught.value)


def test_a_region_whose_markers_are_gone_is_an_error() -> None:
    with pytest.raises(LabError, match=r"it\.py has no region 05\.gone"):
        regions.replace(PYTHON, {"05.gone": "x\n"}, "it.py")
