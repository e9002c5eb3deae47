"""Which approved script says what the draft says? Pure arithmetic over search results.

Evidence per script: the draft against what the script says, the customer's message against the
questions it answers, shared wording, lead over the next script, agreement with the intent. A
logistic calibrator turns evidence into the probability that this is the right script.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp

from script_store.numbers import contradiction
from script_store.polarity import flips
from script_store.types import Candidate, Match, NoMatch

FEATURES = ("draft", "question", "lexical", "draft_lead", "question_lead", "lead", "intent")
REPEAT_FEATURES = ("question", "question_lead")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic weights over FEATURES and the threshold that keeps wrong scripts rare."""

    weights: Mapping[str, float]
    bias: float
    threshold: float
    encoder: str = ""  # identity of the encoder whose scores were fitted
    question_margin: float = 2.0  # how much better another script may fit what was asked
    # a weak model repeats a statement it was given, the right one or not: then the customer's
    # question must speak for it as well
    repeat_weights: Mapping[str, float] = field(default_factory=dict)
    repeat_bias: float = 0.0


@dataclass(slots=True)
class Evidence:
    """What speaks for one script; cosines in -1..1, lexical overlap and intent in 0..1."""

    version_id: str
    key: str
    statements: tuple[str, ...]
    intent: str | None = None
    draft: float = 0.0
    question: float = 0.0
    lexical: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)


def bigram_overlap(left: str, right: str) -> float:
    """Share of the shorter text's character pairs that the other has too (0..1)."""
    a, b = _pairs(left), _pairs(right)
    return len(a & b) / max(1, min(len(a), len(b)))


def _pairs(text: str) -> set[str]:
    kept = "".join(c for c in text.lower() if c.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def features(evidence: Sequence[Evidence], intent: str | None) -> list[dict[str, float]]:
    """FEATURES of each script; leads are the distance to the best other script."""
    combined = [item.draft + item.question for item in evidence]
    rows = []
    for place, item in enumerate(evidence):
        others = [other for index, other in enumerate(evidence) if index != place]
        best_draft = max((o.draft for o in others), default=0.0)
        best_question = max((o.question for o in others), default=0.0)
        best_sum = max((c for i, c in enumerate(combined) if i != place), default=0.0)
        rows.append(
            {
                "draft": item.draft,
                "question": item.question,
                "lexical": item.lexical,
                "draft_lead": item.draft - best_draft,
                "question_lead": item.question - best_question,
                "lead": combined[place] - best_sum,
                "intent": float(intent is not None and item.intent == intent),
            }
        )
    return rows


def probability(row: Mapping[str, float], calibration: Calibration) -> float:
    """Logistic of the weighted evidence."""
    z = calibration.bias + sum(calibration.weights[name] * row[name] for name in FEATURES)
    return 1 / (1 + exp(-max(-60.0, min(60.0, z))))


def repeat_probability(row: Mapping[str, float], calibration: Calibration) -> float:
    """Logistic of what the question alone says, for a statement that the model was given."""
    weights = calibration.repeat_weights
    z = calibration.repeat_bias + sum(weights[name] * row[name] for name in weights)
    return 1 / (1 + exp(-max(-60.0, min(60.0, z))))


def choose(
    draft: str,
    evidence: Sequence[Evidence],
    calibration: Calibration,
    *,
    intent: str | None = None,
    threshold: float | None = None,
    given: frozenset[str] = frozenset(),
) -> Match | NoMatch:
    """The most probable script that nothing vetoes, or why there is none.

    ``given`` names the versions a weak model was given: for those the draft's word is not enough,
    and the lower of the two probabilities counts.
    """
    limit = calibration.threshold if threshold is None else threshold
    if not evidence:
        return NoMatch("empty_library", limit, ())
    ranked = sorted(
        (
            _candidate(item, row, calibration, given)
            for item, row in zip(evidence, features(evidence, intent), strict=True)
        ),
        key=lambda c: (-c.probability, c.key),
    )
    by_id = {item.version_id: item for item in evidence}
    ranked = [_judge(draft, c, by_id[c.version_id], calibration, limit) for c in ranked]
    shown = tuple(ranked[:SHOWN])
    standing = next((c for c in ranked if c.veto is None), None)
    if standing is not None and standing.probability >= limit:
        return Match(standing, limit, shown)
    vetoed = next((c for c in ranked if c.veto and c.probability >= limit), None)
    if vetoed is not None:
        return NoMatch("vetoed", limit, shown, vetoed.veto)
    return NoMatch("below_threshold", limit, shown)


def _candidate(
    item: Evidence,
    row: Mapping[str, float],
    calibration: Calibration,
    given: frozenset[str],
) -> Candidate:
    chance = probability(row, calibration)
    if item.version_id in given:
        chance = min(chance, repeat_probability(row, calibration))
    rounded = {name: round(value, 4) for name, value in row.items()}
    return Candidate(item.key, item.version_id, round(chance, 6), rounded)


def _judge(
    draft: str, candidate: Candidate, item: Evidence, calibration: Calibration, limit: float
) -> Candidate:
    """Mark a candidate that would be served with the reason why it must not be."""
    if not draft or candidate.probability < limit:
        return candidate
    veto = veto_of(draft, item.statements)
    if veto is None and candidate.scores["question_lead"] < -calibration.question_margin:
        veto = "question"  # the draft may say this, but the customer asked for something else
    return replace(candidate, veto=veto)


def veto_of(draft: str, statements: Iterable[str]) -> str | None:
    """Numbers or polarity that contradict the script, named; None when they agree."""
    said = tuple(statements)
    return contradiction(draft, said) or flips(draft, said)
