"""Rules run over the past."""

from collections.abc import Callable
from typing import Any

from compliance.engine import ComplianceEngine
from compliance.pack import Pack
from compliance.simulation import Change, changes, simulate
from compliance.types import Action

PAST = ["这是最佳产品", "寻常的话", "it is free", "保本的最佳选择", "宝本", "last chance"]


def test_each_rule_tells_what_it_would_have_met(
    content: dict[str, Any], parse: Callable[[dict[str, Any]], Pack]
) -> None:
    effects = {effect.rule: effect for effect in simulate(parse(content), PAST)}
    assert effects["small.superlative"].first == (0, 3)
    assert effects["small.free"].texts == 1
    assert effects["small.watched"].observed is True
    assert effects["small.watched"].first == (5,)
    assert effects["small.rude"].texts == 0


def test_a_changed_pack_shows_what_would_differ(
    content: dict[str, Any], parse: Callable[[dict[str, Any]], Pack]
) -> None:
    before = ComplianceEngine([parse(content)])
    content["rules"][0]["mode"] = "observe"
    content["rules"][2]["mode"] = "enforce"
    after = ComplianceEngine([parse(content)])
    assert changes(before, after, PAST) == (
        Change(0, Action.BLOCK, Action.ALLOW),
        Change(3, Action.BLOCK, Action.ALLOW),
        Change(5, Action.ALLOW, Action.BLOCK),
    )
