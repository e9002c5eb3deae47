"""Packs as data: what a good one gives, how a bad one is refused, and that ours are good."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance.engine import ComplianceEngine
from compliance.library import failing_examples, find_rules, load_packs
from compliance.pack import Pack, PackError, parse_pack, read_pack
from compliance.types import Action, Category, Direction, Jurisdiction

Content = dict[str, Any]
Parse = Callable[[Content], Pack]
SHIPPED = Path(__file__).parents[2] / "compliance" / "packs"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_of_every_shipped_pack(path: Path) -> None:
    assert failing_examples(read_pack(path)) == []


def test_the_shipped_packs_load_together() -> None:
    packs = load_packs()
    identities = ComplianceEngine(packs).packs
    assert len(set(identities)) == len(packs) > 0


def test_identity_names_version_and_content(content: Content, parse: Parse) -> None:
    first = parse(content)
    content["version"] = "2"
    second = parse(content)
    assert first.identity == f"small@1#{first.sha256[:12]}"
    assert second.identity.startswith("small@2#")
    assert first.sha256 != second.sha256


def _rule(content: Content, number: int = 0) -> Content:
    rule: Content = content["rules"][number]
    return rule


def _spoil(*path: str | int, value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        place: Any = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_spoil("rules", 0, "match", "patterns", value=["a(?=b)"]), "look-around"),
        (_spoil("rules", 0, "match", "patterns", value=["a(b"]), "bad pattern"),
        (_spoil("rules", 0, "match", "patterns", value=["(a)\\1"]), "bad pattern"),
        (_spoil("rules", 0, "match", "patterns", value=["a*"]), "empty text"),
        (_spoil("rules", 0, "unless", "patterns", value=["(?<!a)b"]), "look-around"),
        (_spoil("rules", 0, "match", value={}), "needs terms, patterns or near"),
        (_spoil("rules", 0, "match", "terms", value=["\u200b"]), "nothing is left"),
        (_spoil("rules", 0, "match", "near", 0, "words", value=[["a"], []]), "no word"),
        (_spoil("rules", 0, "match", "near", 0, "words", value=[["a"], ["\u200b"]]), "nothing"),
        (_spoil("rules", 0, "match", "near", 0, "words", value=[["a"]] * 6), "five groups"),
        (
            _spoil("rules", 0, "match", "near", value=[{"words": [["a"]] * 4, "ordered": False}]),
            "three groups",
        ),
        (_spoil("rules", 0, "category", value="nonsense"), "category"),
        (_spoil("rules", 0, "signal", value="opt_out"), "exactly one"),
        (_spoil("rules", 0, "citation", value=None), "needs a citation"),
        (_spoil("rules", 0, "citation", value="other"), "no citation 'other'"),
        (_spoil("rules", 0, "colour", value="red"), "colour"),
        (_spoil("rules", 0, "reason", value={"zh": "x"}), "reason.en"),
        (_spoil("rules", 0, "id", value="Not Good"), "id"),
        (_spoil("rules", 0, "action", value="stop"), "action"),
        (_spoil("rules", 1, "id", value="small.superlative"), "used twice"),
        (_spoil("rules", value=[]), "rules"),
        (_spoil("domains", value=["cars"]), "unknown domain"),
        (_spoil("jurisdictions", value=["MARS"]), "jurisdictions"),
        (_spoil("citations", "law", "mark", value="X"), "mark"),
    ],
)
def test_a_bad_pack_is_refused_with_the_place_and_the_mend(
    content: Content, parse: Parse, change: Callable[[Content], None], said: str
) -> None:
    change(content)
    with pytest.raises(PackError) as refusal:
        parse(content)
    assert said in refusal.value.message
    assert refusal.value.message.startswith("small.yaml")
    assert refusal.value.mend
    if "rules" in refusal.value.message or "rule " in refusal.value.message:
        assert "small." in refusal.value.message or "rules" in refusal.value.message


def test_the_refused_rule_is_named_even_without_an_id(content: Content, parse: Parse) -> None:
    del content["rules"][1]["id"]
    with pytest.raises(PackError, match="rule number 2: id"):
        parse(content)


@pytest.mark.parametrize("raw", [b"a: [", b"\xff\xfe", b"- a list", b"", b"!!python/none x: 1"])
def test_what_is_no_pack_at_all_is_refused(raw: bytes) -> None:
    with pytest.raises(PackError, match=r"bad\.yaml"):
        parse_pack(raw, "bad.yaml")


def _write(folder: Path, name: str, content: Content) -> None:
    (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def test_a_failing_example_refuses_the_pack(tmp_path: Path, content: Content) -> None:
    _rule(content)["examples"] = {"match": ["寻常的话"], "no_match": ["保本"]}
    _write(tmp_path, "small.yaml", content)
    with pytest.raises(PackError) as refusal:
        load_packs(tmp_path)
    assert "small.superlative: examples.match: '寻常的话'" in refusal.value.message
    assert "small.superlative: examples.no_match: '保本'" in refusal.value.message
    known = read_pack(tmp_path / "small.yaml").sha256
    assert len(load_packs(tmp_path, verified=frozenset({known}))) == 1


def test_two_packs_may_share_no_name_and_no_rule(tmp_path: Path, content: Content) -> None:
    _write(tmp_path, "a.yaml", content)
    _write(tmp_path, "b.yaml", content)
    with pytest.raises(PackError, match="name used by two"):
        load_packs(tmp_path)
    _write(tmp_path, "b.yaml", content | {"pack": "other"})
    with pytest.raises(PackError, match="also in pack small"):
        load_packs(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no rule packs"):
        load_packs(tmp_path)


def test_a_pack_speaks_only_where_it_applies(content: Content, parse: Parse) -> None:
    content |= {"jurisdictions": ["CN"], "domains": ["insurance"], "direction": "outbound"}
    engine = ComplianceEngine([parse(content)])
    for jurisdiction, domain, expected in [
        (None, None, Action.BLOCK),
        ("CN", None, Action.BLOCK),
        ("CN", "insurance", Action.BLOCK),
        ("CN", "education", Action.ALLOW),
        ("US", None, Action.ALLOW),
    ]:
        verdict = engine.screen_out("保本", jurisdiction=jurisdiction, domain=domain)
        assert verdict.action is expected
        assert bool(verdict.packs) is (expected is Action.BLOCK)
    assert engine.screen_in("退订").opt_out is False


def test_two_packs_are_both_heard(content: Content, parse: Parse) -> None:
    other = content | {"pack": "other", "rules": [_rule(content, 3)]}
    other["rules"][0]["match"]["terms"].append("保本")
    engine = ComplianceEngine([parse(content), parse(other)])
    names = {finding.pack.split("@")[0] for finding in engine.screen_out("保本").findings}
    assert names == {"small", "other"}


def test_rules_can_be_searched(content: Content, parse: Parse) -> None:
    packs = (parse(content),)
    assert [rule.id for _, rule in find_rules(packs, "稳赚")] == ["small.superlative"]
    assert [rule.id for _, rule in find_rules(packs, "PROFANITY")] == ["small.rude"]
    assert find_rules(packs, "no such thing") == []


def test_every_jurisdiction_has_rules_in_both_directions() -> None:
    packs = load_packs()
    for place in Jurisdiction:
        for direction in Direction:
            chosen = [pack for pack in packs if pack.applies(direction, place, None)]
            assert any(pack.rules for pack in chosen)


def test_every_category_is_covered() -> None:
    covered = {str(rule.category) for pack in load_packs() for rule in pack.rules}
    assert set(Category) <= covered
