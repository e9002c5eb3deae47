"""Canonical JSON, the error tree, the clock and the stopwatch."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors
from core.clock import FixedClock, new_id
from core.errors import OnScriptError
from core.json import canonical, line
from core.telemetry import Stopwatch

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    name: str
    seen: tuple[datetime, ...]
    tags: frozenset[str]
    score: object


@given(st.dictionaries(st.text(), VALUES))
def test_order_does_not_change_the_canonical_form(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical(turned) == canonical(value)
    assert json.loads(canonical(value)) == value


def test_values_of_ours_have_a_canonical_form() -> None:
    sample = Sample("价", (datetime(2026, 1, 1, tzinfo=UTC),), frozenset("ba"), np.float32(0.5))
    assert canonical(sample).decode() == (
        '{"name":"价","score":0.5,"seen":["2026-01-01T00:00:00+00:00"],"tags":["a","b"]}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_what_is_not_json_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical([value])


@given(st.text())
def test_a_line_is_one_line(value: str) -> None:
    assert len(line({"text": value}).split("\n")) == 1


def tree(root: type[OnScriptError]) -> list[type[OnScriptError]]:
    return [root, *(below for child in root.__subclasses__() for below in tree(child))]


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawn = {
        part[0]: (int(part[1]), part[2])
        for part in (row.strip(" │├└─").split() for row in (errors.__doc__ or "").splitlines())
        if len(part) > 2 and part[1].isdigit()
    }
    real = {
        found.__name__: (found.status, found.code)
        for found in tree(OnScriptError)
        if found.__module__ == errors.__name__  # a package may have an error of its own
    }
    assert drawn == real


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [found.code for found in tree(OnScriptError)]
    assert len(set(codes)) == len(codes)


def test_an_error_tells_its_mend_only_where_there_is_one() -> None:
    assert errors.NotFound("gone").to_dict() == {"code": "not_found", "message": "gone"}
    assert errors.NotFound("gone", mend="look").to_dict()["mend"] == "look"


@given(st.lists(st.floats(0, 100), max_size=20))
def test_the_laps_of_a_stopwatch_add_up(seconds: list[float]) -> None:
    clock = FixedClock()
    watch = Stopwatch(clock)
    for number, passed in enumerate(seconds):
        clock.advance(passed)
        watch.lap(str(number), "done")
    assert [lap.stage for lap in watch.laps] == [str(n) for n in range(len(seconds))]
    total = sum(lap.milliseconds for lap in watch.laps)
    assert total == pytest.approx(watch.elapsed * 1000)
    assert total == pytest.approx(sum(seconds) * 1000)


def test_a_fixed_clock_moves_both_its_hands() -> None:
    clock = FixedClock()
    before = clock.now()
    clock.advance(90)
    assert clock.now() - before == timedelta(seconds=90)
    assert clock.monotonic() == 90


def test_identifiers_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(200)]
    assert made == sorted(made)
    assert len(set(made)) == 200
    assert {len(identifier) for identifier in made} == {36}
