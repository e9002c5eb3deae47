"""The shipped corpus is whole, and a bad one is refused with its place."""

import json
from collections import Counter
from pathlib import Path

import pytest

from core.errors import InvalidInput
from intent.corpus import Split, Utterance, load_corpus
from intent.types import Label
from tests.intent.small import small_corpus, write_corpus


def test_every_label_has_a_hundred_utterances_in_each_language() -> None:
    counts = Counter((u.language, u.label) for u in load_corpus())
    thin = {
        f"{language} {label.value}": counts[language, label]
        for language in ("zh", "en")
        for label in Label
        if counts[language, label] < 100
    }
    assert thin == {}


def test_split_is_about_80_10_10_in_each_language() -> None:
    for language in ("zh", "en"):
        found = Counter(u.split for u in load_corpus() if u.language == language)
        total = found.total()
        assert 0.76 < found[Split.TRAIN] / total < 0.84
        assert all(0.07 < found[s] / total < 0.13 for s in (Split.DEV, Split.TEST))


def test_split_does_not_wander() -> None:
    made = [Utterance(text, Label.AFFIRM, "en") for text in ("ok", "sure thing", "yes", "好的")]
    assert [u.split.value for u in made] == ["train", "train", "train", "train"]


def test_neighbours_stay_together() -> None:
    sides: dict[tuple[str, str], set[Split]] = {}
    for u in load_corpus():
        if u.dialogue:
            sides.setdefault(("dialogue", u.dialogue), set()).add(u.split)
        elif u.previous:
            sides.setdefault(("previous", u.previous), set()).add(u.split)
    assert sides
    assert all(len(found) == 1 for found in sides.values())


def test_no_hand_written_test_wording_is_trained_on() -> None:
    alone = [u for u in load_corpus() if not u.dialogue and not u.previous]
    seen = {u.group for u in alone if u.split is Split.TRAIN}
    assert not [u.text for u in alone if u.split is Split.TEST and u.group in seen]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "hi", "label": "flirt"}', "en.jsonl:841"),
        ('{"text": "hi"}', "en.jsonl:841"),
        ('{"text": "hi", "label": ', "en.jsonl:841"),
        ('["hi", "greeting"]', "en.jsonl:841"),
        ('{"text": "  ", "label": "greeting"}', "en.jsonl:841: the text is empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    folder = write_corpus(tmp_path, small_corpus())
    with (folder / "en.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(InvalidInput, match=said):
        load_corpus(folder)


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    lines = small_corpus()
    lines["zh"] = [r for r in lines["zh"] if r["label"] != "opt_out"]
    with pytest.raises(InvalidInput, match="zh has 0 utterances of opt_out"):
        load_corpus(write_corpus(tmp_path, lines))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        load_corpus(tmp_path)


def test_records_carry_context(tmp_path: Path) -> None:
    lines = small_corpus()
    lines["en"].append({"text": "yes", "label": "affirm", "previous": "Ready?", "dialogue": "d1"})
    folder = write_corpus(tmp_path, lines)
    last = load_corpus(folder)[len(lines["en"]) - 1]
    assert json.loads((folder / "en.jsonl").read_text().splitlines()[-1])["text"] == last.text
    assert (last.previous, last.group) == ("Ready?", "d1")
