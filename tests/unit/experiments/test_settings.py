"""What `--set` takes, and the sentence for what it does not."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.experiments import settings
from lab.experiments.kinds import KINDS


def test_defaults_and_what_is_set() -> None:
    values = settings.chosen(KINDS["cpu"].settings, ["nice=-10, 0,5", "cpus=2"])
    assert values == {"nice": (-10, 0, 5), "cpus": 2, "seconds": 15}
    assert settings.shown(values["nice"]) == "-10,0,5"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_default_can_be_set_and_goes_together(kind) -> None:  # type: ignore[no-untyped-def]
    words = [f"{each.key}={settings.shown(each.default)}" for each in kind.settings]
    assert settings.chosen(kind.settings, words) == settings.chosen(kind.settings, [])
    kind.check(settings.chosen(kind.settings, []))
    assert len({column.name for column in kind.columns}) == len(kind.columns)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("nise=1", "There is no setting 'nise=1'. Write KEY=VALUE; there is nice, cpus, seconds."),
        ("cpus", "cpus has no value"),
        ("nice=5", "2 to 8 numbers from -20 to 19"),
        ("nice=0,20", "from -20 to 19"),
        ("nice=0,1e3", "nice=0,1e3 cannot be"),
        ("nice=0,,1", "cannot be"),
        ("cpus=3", "It is from 1 to 2"),
        ("seconds=" + "9" * 100, "from 1 to 600"),
        ("seconds=٣", "from 1 to 600"),
    ],
)
def test_what_cannot_be_is_said(word: str, says: str) -> None:
    with pytest.raises(LabError) as caught:
        settings.chosen(KINDS["cpu"].settings, [word])
    assert says in str(caught.value)
    assert len(str(caught.value)) < 250


def test_the_same_key_twice() -> None:
    with pytest.raises(LabError, match="cpus is set twice"):
        settings.chosen(KINDS["cpu"].settings, ["cpus=1", "cpus=2"])


@pytest.mark.parametrize(
    ("kind", "words", "says"),
    [
        ("memory", ["soft_mib=60"], "soft_mib=60 is above hard_mib=48"),
        ("memory", ["pause_ms=10000"], "needs 120 s"),
        ("latency", ["wakes=20000", "sleep_ms=1000"], "take 20000 s"),
    ],
)
def test_what_does_not_go_together_is_said(kind: str, words: list[str], says: str) -> None:
    with pytest.raises(LabError, match=says):
        KINDS[kind].check(settings.chosen(KINDS[kind].settings, words))
