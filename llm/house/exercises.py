"""Endless training exercises: read a few statements, pick the right one, say it.

Pure and seeded: the same ``random.Random`` gives the same exercises. What is drawn changes with
``progress`` (0 at the start of training, 1 at its end): copying odd strings first, with one or two
statements, then picking by wording, then picking by what a customer asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from llm.house.corpus import Corpus, Dialogue
from llm.house.format import QUOTE, SAY, STATEMENT_MARKS, house_prompt, sentence_break

_DIGITS = re.compile(r"\d+")
_QUESTIONS = {
    "zh": ("{}吗？", "请问{}", "想问下，{}", "{}对吧", "是不是{}", "{}是真的吗", "我听说{}"),
    "en": ("is it true that {}", "{}, right?", "so {}", "hi, {}?", "can you confirm: {}", "{}?"),
}
_TOPICS = {
    "zh": ("{}怎么说", "{}呢", "问一下{}", "{}是怎么回事", "{}？", "说说{}"),
    "en": ("what about {}", "{}?", "tell me about {}", "and {}?", "how does {} work"),
}


@dataclass(frozen=True, slots=True)
class Exercise:
    """One prompt and its answer; ``right`` holds the positions of the statements it rests on."""

    language: str
    statements: tuple[str, ...]
    customer: str
    history: tuple[tuple[str, str], ...]
    mode: str
    right: tuple[int, ...]
    answer: str

    @property
    def prompt(self) -> str:
        return house_prompt(self.language, self.statements, self.customer, self.history, self.mode)


class ExerciseSource:
    """Draws exercises from a corpus; all randomness comes from ``rng``."""

    def __init__(self, corpus: Corpus, rng: random.Random) -> None:
        self._rng = rng
        self._dialogues = corpus.dialogues
        self._clusters = {
            language: tuple(c for c in corpus.clusters if c.language == language)
            for language in ("zh", "en")
        }
        self._han = _han_characters(corpus)

    def draw(self, progress: float) -> Exercise:
        """One exercise of the curriculum at ``progress`` in [0, 1]."""
        copying = max(0.05, 0.20 * (1 - progress / 0.15))
        kinds: tuple[tuple[Callable[[float], Exercise], float], ...] = (
            (self._odd_strings, copying),
            (self._cluster, 0.28),
            (self._facts, 0.27),
            (self._scripts, 0.30),
        )
        make = self._rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        exercise = make(progress)
        if exercise.mode == QUOTE and self._rng.random() < 0.4:
            exercise = other_figures(exercise, self._rng)
        return exercise

    def _distractors(self, progress: float) -> int:
        most = 1 if progress < 0.04 else 2 if progress < 0.10 else 3
        return self._rng.choices(range(most + 1), (0.12, 0.25, 0.3, 0.33)[: most + 1])[0]

    def _odd_strings(self, progress: float) -> Exercise:
        rng = self._rng
        language = rng.choice(("zh", "en"))
        statements = tuple(
            _odd_string(language, self._han, rng) for _ in range(1 + self._distractors(progress))
        )
        right = rng.randrange(len(statements))
        whole = statements[right]
        customer = whole if rng.random() < 0.3 else _span(whole, language, rng)
        return _quote(language, statements, customer, (), (right,))

    def _cluster(self, progress: float) -> Exercise:
        rng = self._rng
        language = rng.choice(("zh", "en"))
        pool = self._clusters[language]
        cluster = rng.choice(pool)
        right, asked, other = _three(cluster.wordings, rng)
        wrong = [
            rng.choice(cluster.near_misses)
            if index == 0 and cluster.near_misses and rng.random() < 0.3 * progress
            else rng.choice(rng.choice(pool).wordings)
            for index in range(self._distractors(progress))
        ]
        statements, position = _shuffled([right], wrong, rng)
        customer = self._customer_for(right, asked, language)
        exercise = _quote(language, statements, customer, (), position)
        if rng.random() < 0.15:
            answer = STATEMENT_MARKS[position[0] + 1] + other
            return replace(exercise, mode=SAY, answer=answer)
        return exercise

    def _customer_for(self, right: str, asked: str, language: str) -> str:
        rng = self._rng
        draw = rng.random()
        if draw < 0.15:
            return rng.choice(_TOPICS[language]).format(_span(right, language, rng))
        if draw < 0.45:
            stem = asked.rstrip("。.！!")
            return rng.choice(_QUESTIONS[language]).format(stem)
        return asked

    def _facts(self, progress: float) -> Exercise:
        """A customer's question over a product's facts, quoted or said as the seller said it."""
        rng = self._rng
        dialogue, index = self._turn(with_facts=rng.random() < 0.93)
        turn = dialogue.turns[index]
        used = [dialogue.facts[use] for use in turn.uses[:2]]
        others = [fact for place, fact in enumerate(dialogue.facts) if place not in turn.uses]
        count = min(len(others), max(self._distractors(progress), 0 if used else 1))
        statements, right = _shuffled(used, rng.sample(others, count), rng)
        history = self._history(dialogue, index)
        exercise = _quote(dialogue.language, statements, turn.customer, history, right)
        if not used or rng.random() < 0.3:
            marks = STATEMENT_MARKS[right[0] + 1] if right else STATEMENT_MARKS[0]
            return replace(exercise, mode=SAY, answer=marks + turn.seller)
        return exercise

    def _scripts(self, progress: float) -> Exercise:
        """Whole seller lines as the statements: which of them answers this customer?"""
        rng = self._rng
        dialogue, index = self._turn(with_facts=rng.random() < 0.6)
        turn = dialogue.turns[index]
        others = [other.seller for place, other in enumerate(dialogue.turns) if place != index]
        wrong = [
            rng.choice(others) if rng.random() < 0.6 else self._foreign_line(dialogue.language)
            for _ in range(self._distractors(progress))
        ]
        statements, right = _shuffled([turn.seller], list(dict.fromkeys(wrong)), rng)
        history = self._history(dialogue, index)
        return _quote(dialogue.language, statements, turn.customer, history, right)

    def _turn(self, *, with_facts: bool) -> tuple[Dialogue, int]:
        while True:
            dialogue = self._rng.choice(self._dialogues)
            index = self._rng.randrange(len(dialogue.turns))
            if bool(dialogue.turns[index].uses) is with_facts:
                return dialogue, index

    def _foreign_line(self, language: str) -> str:
        while True:
            dialogue = self._rng.choice(self._dialogues)
            if dialogue.language == language:
                return self._rng.choice(dialogue.turns).seller

    def _history(self, dialogue: Dialogue, index: int) -> tuple[tuple[str, str], ...]:
        if index == 0 or self._rng.random() < 0.75:
            return ()
        before = dialogue.turns[index - 1]
        return (("customer", before.customer), ("seller", before.seller))


def _han_characters(corpus: Corpus) -> str:
    """Every Han character of the training dialogues and clusters, in code point order."""
    found: set[str] = set()
    for dialogue in corpus.dialogues:
        found.update(*dialogue.facts, *(turn.customer + turn.seller for turn in dialogue.turns))
    for cluster in corpus.clusters:
        found.update(*cluster.wordings)
    return "".join(sorted(c for c in found if "\u4e00" <= c <= "\u9fff"))


def quoted(language: str, statements: tuple[str, ...], right: tuple[int, ...]) -> str:
    """The answer that names and copies the right statements, in the order they stand."""
    parts: list[str] = []
    for place, position in enumerate(right):
        if place:
            parts.append(sentence_break(language, parts[-1]))
        parts += [STATEMENT_MARKS[position + 1], statements[position]]
    return "".join(parts)


def other_figures(exercise: Exercise, rng: random.Random) -> Exercise:
    """The same exercise with every figure replaced by another of as many digits."""
    drawn: dict[str, str] = {}

    def swap(match: re.Match[str]) -> str:
        figure = match.group()
        if figure not in drawn:
            first = "123456789" if figure[0] != "0" else "0"
            rest = rng.choices("0123456789", k=len(figure) - 1)
            drawn[figure] = rng.choice(first) + "".join(rest)
        return drawn[figure]

    statements = tuple(_DIGITS.sub(swap, text) for text in exercise.statements)
    return replace(
        exercise,
        statements=statements,
        customer=_DIGITS.sub(swap, exercise.customer),
        history=tuple((role, _DIGITS.sub(swap, text)) for role, text in exercise.history),
        answer=quoted(exercise.language, statements, exercise.right),
    )


def _quote(
    language: str,
    statements: tuple[str, ...],
    customer: str,
    history: tuple[tuple[str, str], ...],
    right: tuple[int, ...],
) -> Exercise:
    answer = quoted(language, statements, right)
    return Exercise(language, statements, customer, history, QUOTE, right, answer)


def _shuffled(
    right: list[str], wrong: list[str], rng: random.Random
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Statements in random order and where the right ones ended up."""
    order = list(range(len(right) + len(wrong)))
    rng.shuffle(order)
    texts = right + wrong
    statements = tuple(texts[place] for place in order)
    positions = tuple(sorted(order.index(place) for place in range(len(right))))
    return statements, positions


def _three(wordings: tuple[str, ...], rng: random.Random) -> tuple[str, str, str]:
    """A statement, the customer's wording and a third; the third repeats when there are two."""
    drawn = rng.sample(wordings, min(3, len(wordings)))
    return drawn[0], drawn[1], drawn[-1]


def _span(text: str, language: str, rng: random.Random) -> str:
    """A short piece of the text: 2-6 characters of Chinese, 1-3 words of English."""
    pieces = list(text) if language == "zh" else text.split()
    length = min(len(pieces), rng.randint(2, 6) if language == "zh" else rng.randint(1, 3))
    start = rng.randrange(len(pieces) - length + 1)
    joined = ("" if language == "zh" else " ").join(pieces[start : start + length])
    return joined.strip("，。,.；;：: ") or text


def _odd_string(language: str, han: str, rng: random.Random) -> str:
    """A string of no meaning, so that it can only be copied, never guessed.

    One Han character in twelve comes from the whole Unicode block, so that byte pieces are met.
    """
    if language == "zh":
        return "".join(_odd_han(han, rng) for _ in range(rng.randint(4, 16)))
    words: list[str] = []
    for _ in range(rng.randint(2, 8)):
        if rng.random() < 0.2:
            words.append(str(rng.randint(0, 9999)))
        else:
            words.append("".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", k=rng.randint(1, 8))))
    return " ".join(words)


def _odd_han(han: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.15:
        return rng.choice("0123456789，元天")
    return chr(rng.randint(0x4E00, 0x9F00)) if draw < 0.23 else rng.choice(han)
