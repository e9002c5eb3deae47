"""A small pack that shows every feature of the schema, and an engine that holds it."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from compliance.engine import ComplianceEngine
from compliance.pack import Pack, parse_pack


def small_pack() -> dict[str, Any]:
    """A fresh copy, so that a test may spoil it."""
    return {
        "pack": "small",
        "version": "1",
        "title": {"zh": "小包", "en": "Small"},
        "jurisdictions": ["*"],
        "direction": "both",
        "citations": {"law": {"text": "广告法 第九条(三)", "mark": "V"}},
        "rules": [superlative(), free(), watched(), rude(), stop()],
    }


def superlative() -> dict[str, Any]:
    """Chinese terms, words near each other, exceptions, denial, and pinyin as a suspicion."""
    return {
        "id": "small.superlative",
        "category": "absolute_claim",
        "action": "block",
        "languages": ["zh"],
        "citation": "law",
        "reason": {"zh": "极限词", "en": "superlative"},
        "suggestion": {"zh": "换成事实", "en": "state a fact"},
        "match": {
            "terms": ["最佳", "国家级", "稳赚不赔", "保本"],
            "near": [{"words": [["保证", "承诺"], ["收益", "回报"]], "within": 8}],
        },
        "unless": {"terms": ["最佳使用时间"], "negated": True},
        "pinyin": "suspect",
        "examples": {"match": ["这是最佳产品"], "no_match": ["最佳使用时间是早晨"]},
    }


def free() -> dict[str, Any]:
    """English terms on word boundaries, a pattern, words in any order."""
    return {
        "id": "small.free",
        "category": "misleading_free",
        "action": "block",
        "languages": ["en"],
        "citation": "law",
        "reason": {"zh": "免费", "en": "free"},
        "match": {
            "terms": ["risk free", "free", "guaranteed", "assure"],
            "patterns": ["100% (?:safe|secure)", "完全免费[，。！]"],
            "near": [{"words": [["profit"], ["sure", "certain"]], "within": 20, "ordered": False}],
        },
        "unless": {"negated": True, "patterns": ["free (?:of charge )?trial"]},
        "examples": {"match": ["it is free"], "no_match": ["freedom"]},
    }


def watched() -> dict[str, Any]:
    """A rule in observe mode whose pinyin hits count in full."""
    return {
        "id": "small.watched",
        "category": "false_urgency",
        "action": "block",
        "mode": "observe",
        "citation": "law",
        "reason": {"zh": "催促", "en": "urgency"},
        "match": {"terms": ["仅剩三席", "last chance"]},
        "pinyin": "block",
        "examples": {"match": ["last chance!"], "no_match": ["chance"]},
    }


def rude() -> dict[str, Any]:
    """A rule that redacts."""
    return {
        "id": "small.rude",
        "category": "profanity",
        "action": "redact",
        "citation": "law",
        "reason": {"zh": "粗口", "en": "rude"},
        "match": {"terms": ["damn", "混蛋"]},
        "examples": {"match": ["damn"], "no_match": ["dam"]},
    }


def stop() -> dict[str, Any]:
    """A rule for what customers write."""
    return {
        "id": "small.stop",
        "signal": "opt_out",
        "action": "allow",
        "reason": {"zh": "退订", "en": "opt-out"},
        "match": {"terms": ["退订", "unsubscribe"], "patterns": ["^(?:td|t|n|stop)[.!]?$"]},
        "unless": {"negated": True},
        "pinyin": "suspect",
        "examples": {"match": ["TD", "退订"], "no_match": ["stop by the shop"]},
    }


def as_pack(content: dict[str, Any]) -> Pack:
    """The pack that a YAML file with this content would give."""
    return parse_pack(yaml.safe_dump(content, allow_unicode=True).encode(), "small.yaml")


@pytest.fixture(scope="session")
def engine() -> ComplianceEngine:
    """An engine with the small pack."""
    return ComplianceEngine([as_pack(small_pack())])


@pytest.fixture
def content() -> dict[str, Any]:
    """The small pack as a mapping that a test may spoil."""
    return small_pack()


@pytest.fixture
def parse() -> Callable[[dict[str, Any]], Pack]:
    """From a mapping to a pack, as a YAML file would be read."""
    return as_pack
