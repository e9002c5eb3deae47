"""What the house model can do, measured on dialogues it was never trained on."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from llm.engines.local import LoadedModel, LocalEngine
from llm.house.corpus import Corpus, Dialogue
from llm.house.exercises import quoted
from llm.house.format import END, QUOTE, STATEMENT_MARKS, house_prompt
from llm.types import GenerationParameters, Prompt

DISTRACTORS = 3
_GREEDY = GenerationParameters(do_sample=False, max_new_tokens=96)
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out customer line over statements, the right ones by position, the seller's reply."""

    language: str
    statements: tuple[str, ...]
    customer: str
    right: tuple[int, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class Picked:
    """Share of questions answered from the right statement, and how.

    ``rests`` is the share whose draft shares most character bigrams with a right statement,
    ``copied`` the share whose draft repeats a right statement word for word, ``baseline`` what
    picking the statement nearest to the customer's line by the same overlap would reach and
    ``chance`` what picking blindly would.
    """

    questions: int
    rests: float
    copied: float
    baseline: float
    chance: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Greedy decoding: tokens a second while writing, milliseconds to the first piece."""

    tokens_per_second: float
    first_piece_milliseconds: float
    threads: int


def fact_questions(corpus: Corpus, seed: int = 7) -> tuple[Question, ...]:
    """Every held-out turn that rests on facts: those facts and three others, shuffled."""
    rng = random.Random(seed)
    return tuple(
        _fact_question(dialogue, index, rng)
        for dialogue in corpus.held_out_dialogues
        for index, turn in enumerate(dialogue.turns)
        if turn.uses
    )


def script_questions(corpus: Corpus, seed: int = 7) -> tuple[Question, ...]:
    """Every held-out turn: the seller's reply among three other replies of the same dialogue."""
    rng = random.Random(seed)
    questions = []
    for dialogue in corpus.held_out_dialogues:
        for index, turn in enumerate(dialogue.turns):
            others = [t.seller for place, t in enumerate(dialogue.turns) if place != index]
            wrong = rng.sample(others, min(DISTRACTORS, len(others)))
            questions.append(
                _question(dialogue.language, [turn.seller], wrong, turn.customer, turn.seller, rng)
            )
    return tuple(questions)


def picked(loaded: LoadedModel, questions: Sequence[Question]) -> Picked:
    """Draft greedily for each question and see on which statement the draft rests."""
    engine = LocalEngine(loaded)
    rests = copied = baseline = 0
    for question in questions:
        draft = draft_for(engine, question)
        rests += nearest(draft, question.statements) in question.right
        copied += any(question.statements[place] in draft for place in question.right)
        baseline += nearest(question.customer, question.statements) in question.right
    count = max(1, len(questions))
    blind = chance(questions)
    return Picked(len(questions), rests / count, copied / count, baseline / count, blind)


def chance(questions: Sequence[Question]) -> float:
    """The share that picking a statement blindly would get right."""
    shares = [len(question.right) / len(question.statements) for question in questions]
    return sum(shares) / max(1, len(shares))


def together(parts: Sequence[Picked]) -> Picked:
    """The figures over all questions, from those over some each."""
    count = sum(part.questions for part in parts)

    def mean(values: Iterable[float]) -> float:
        shares = zip(values, parts, strict=True)
        return sum(value * part.questions for value, part in shares) / max(1, count)

    return Picked(
        count,
        mean(part.rests for part in parts),
        mean(part.copied for part in parts),
        mean(part.baseline for part in parts),
        mean(part.chance for part in parts),
    )


def draft_for(engine: LocalEngine, question: Question) -> str:
    """The greedy draft in quote mode."""
    text = house_prompt(question.language, question.statements, question.customer)
    prompt = Prompt(question.language, (), text, "evaluation", "")
    until = time.monotonic() + _PATIENCE_SECONDS
    pieces = engine.stream(prompt, _GREEDY, deadline=until, cancel=threading.Event())
    return "".join(pieces).strip()


def perplexity(loaded: LoadedModel, questions: Iterable[Question], mode: str) -> float:
    """Per token of the answers, teacher-forced; ``mode`` is quote (a copy) or say (the reply)."""
    total = 0.0
    count = 0
    for question in questions:
        prompt = house_prompt(question.language, question.statements, question.customer, mode=mode)
        answer = _answer(question, mode) + END
        asked = loaded.tokenizer.encode(prompt, add_special_tokens=False)
        said = loaded.tokenizer.encode(answer, add_special_tokens=False)
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([asked + said])).logits[0, len(asked) - 1 : -1]
        losses = functional.cross_entropy(logits.float(), torch.tensor(said), reduction="sum")
        total += float(losses)
        count += len(said)
    return math.exp(total / max(1, count))


def speed(loaded: LoadedModel, questions: Sequence[Question], threads: int) -> Speed:
    """Median over the questions, with ``threads`` threads, after one warm-up draft."""
    torch.set_num_threads(threads)
    engine = LocalEngine(loaded)
    draft_for(engine, questions[0])
    rates, firsts = [], []
    for question in questions:
        prompt = Prompt(
            question.language,
            (),
            house_prompt(question.language, question.statements, question.customer),
            "evaluation",
            "",
        )
        started = time.monotonic()
        marks = [
            time.monotonic()
            for _ in engine.stream(
                prompt, _GREEDY, deadline=started + _PATIENCE_SECONDS, cancel=threading.Event()
            )
        ]
        if len(marks) > 4:
            firsts.append((marks[0] - started) * 1_000)
            rates.append((len(marks) - 1) / (marks[-1] - marks[0]))
    return Speed(_median(rates), _median(firsts), threads)


def nearest(text: str, statements: Sequence[str]) -> int:
    """Position of the statement with the highest character-bigram Dice overlap; -1 for none."""
    overlaps = [_overlap(text, statement) for statement in statements]
    best = max(overlaps, default=0.0)
    return overlaps.index(best) if best > 0 else -1


def _overlap(left: str, right: str) -> float:
    first, second = _bigrams(left), _bigrams(right)
    size = first.total() + second.total()
    return 2 * (first & second).total() / size if size else 0.0


def _bigrams(text: str) -> Counter[str]:
    letters = "".join(character for character in text.lower() if character.isalnum())
    return Counter(letters[place : place + 2] for place in range(len(letters) - 1))


def _fact_question(dialogue: Dialogue, index: int, rng: random.Random) -> Question:
    turn = dialogue.turns[index]
    used = [dialogue.facts[place] for place in turn.uses]
    others = [fact for place, fact in enumerate(dialogue.facts) if place not in turn.uses]
    wrong = rng.sample(others, min(DISTRACTORS, len(others)))
    return _question(dialogue.language, used, wrong, turn.customer, turn.seller, rng)


def _question(
    language: str,
    right: list[str],
    wrong: list[str],
    customer: str,
    reply: str,
    rng: random.Random,
) -> Question:
    statements = right + wrong
    rng.shuffle(statements)
    positions = tuple(place for place, text in enumerate(statements) if text in right)
    return Question(language, tuple(statements), customer, positions, reply)


def _answer(question: Question, mode: str) -> str:
    if mode == QUOTE:
        return quoted(question.language, question.statements, question.right)
    return STATEMENT_MARKS[question.right[0] + 1] + question.reply


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
