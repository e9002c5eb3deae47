"""One campaign's scripts in force, ready to answer: texts rendered, vectors indexed.

A snapshot never changes; the shelf swaps in a new one when the library does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InvalidInput
from encoder.types import Encoder, Vectors
from script_store.index import Hit, IndexedSentence, VectorIndex
from script_store.matching import Calibration, Evidence, bigram_overlap, choose
from script_store.slots import render
from script_store.types import Campaign, Kind, Match, NoMatch, ScriptVersion

_NEAREST = 24  # sentences looked at per query; several belong to one script


@dataclass(frozen=True, slots=True)
class RenderedScript:
    """An in-force version with its slots filled: the only words that may be sent."""

    version: ScriptVersion
    text: str


class Library:
    """Search and look-up over one campaign's in-force versions."""

    def __init__(
        self,
        campaign: Campaign,
        rendered: Mapping[str, RenderedScript],
        indexes: Mapping[Kind, VectorIndex],
        calibration: Calibration,
        generation: str,
        unusable: Mapping[str, str],
    ) -> None:
        self.campaign = campaign
        self.generation = generation
        self.calibration = calibration
        self.unusable = unusable
        self._by_version = {script.version.id: script for script in rendered.values()}
        self._by_key = dict(rendered)
        self._indexes = indexes

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def threshold(self) -> float:
        """The probability a script needs to be served in this campaign."""
        own = self.campaign.threshold
        return self.calibration.threshold if own is None else own

    def get(self, key: str) -> RenderedScript | None:
        """The in-force script with that key, or None."""
        return self._by_key.get(key)

    def get_version(self, version_id: str) -> RenderedScript:
        """The script of a version this snapshot holds."""
        return self._by_version[version_id]

    def with_intent(self, intent: str) -> tuple[RenderedScript, ...]:
        """Scripts written for an intent, by key."""
        found = [
            script
            for script in self._by_key.values()
            if script.version.content.intent == intent and not script.version.reserved
        ]
        return tuple(sorted(found, key=lambda script: script.version.key))

    def nearest_for(self, encoder: Encoder, intent: str, customer: str) -> RenderedScript | None:
        """The script of this intent whose questions or words are nearest to the customer's."""
        scripts = self.with_intent(intent)
        if len(scripts) < 2:
            return scripts[0] if scripts else None
        asked = self._likeness(self._hits(encoder, Kind.QUESTION, customer, everything=True))
        said = self._likeness(self._hits(encoder, Kind.STATEMENT, customer, everything=True))
        return max(
            scripts,
            key=lambda s: max(asked.get(s.version.id, -1.0), said.get(s.version.id, -1.0)),
        )

    def retrieve(self, encoder: Encoder, customer: str, count: int) -> tuple[RenderedScript, ...]:
        """Scripts whose questions or statements are nearest to the customer's message."""
        scores = self._asked(encoder, customer)
        ranked = sorted(scores, key=lambda version: (-scores[version], version))
        return tuple(self._by_version[version] for version in ranked[:count])

    def match(
        self,
        encoder: Encoder,
        draft: str,
        customer: str = "",
        intent: str | None = None,
        given: frozenset[str] = frozenset(),
    ) -> Match | NoMatch:
        """The approved script that says what the draft says, or why none does.

        ``given``: see ``matching.choose``.
        """
        return choose(
            draft,
            self.evidence(encoder, draft, customer),
            self.calibration,
            intent=intent,
            threshold=self.threshold,
            given=given,
        )

    def evidence(self, encoder: Encoder, draft: str, customer: str) -> list[Evidence]:
        found: dict[str, Evidence] = {}
        drafted = self._likeness(self._hits(encoder, Kind.STATEMENT, draft)) if draft else {}
        asked = self._asked(encoder, customer) if customer else {}
        for version_id in drafted.keys() | asked.keys():
            script = self._by_version[version_id]
            statements = (script.text, *script.version.content.paraphrases)
            found[version_id] = Evidence(
                version_id=version_id,
                key=script.version.key,
                statements=statements,
                intent=script.version.content.intent,
                draft=drafted.get(version_id, 0.0),
                question=asked.get(version_id, 0.0),
                lexical=max((bigram_overlap(draft, s) for s in statements), default=0.0),
            )
        return list(found.values())

    def _asked(self, encoder: Encoder, customer: str) -> dict[str, float]:
        """Likeness of the customer's message to what each script answers or says, by version."""
        scores = self._likeness(self._hits(encoder, Kind.QUESTION, customer))
        for version, score in self._likeness(self._hits(encoder, Kind.STATEMENT, customer)).items():
            scores[version] = max(scores.get(version, -1.0), score)
        return scores

    def _hits(self, encoder: Encoder, kind: Kind, text: str, everything: bool = False) -> list[Hit]:
        index = self._indexes[kind]
        if not len(index):
            return []
        k = len(index) if everything else _NEAREST
        return index.search(encoder.identity, encoder.encode([text]), k)[0]

    @staticmethod
    def _likeness(hits: Iterable[Hit]) -> dict[str, float]:
        best: dict[str, float] = {}
        for hit in hits:
            version = hit.sentence.version_id
            best[version] = max(best.get(version, -1.0), hit.score)
        return best


def usable(
    campaign: Campaign, versions: Iterable[ScriptVersion]
) -> tuple[dict[str, RenderedScript], dict[str, str]]:
    """Render what can be rendered; scripts with a slot that has no valid value are set aside."""
    rendered: dict[str, RenderedScript] = {}
    unusable: dict[str, str] = {}
    for version in versions:
        try:
            text = render(version.content.text, campaign.catalogue, campaign.language)
        except InvalidInput as error:
            unusable[version.key] = error.message
        else:
            rendered[version.key] = RenderedScript(version, text)
    for key, script in list(rendered.items()):
        risk = script.version.content.risk
        if risk is not None and risk not in rendered:
            unusable[key] = f"its risk text {risk} is not in force"
            del rendered[key]
    return rendered, unusable


def sentences(rendered: Mapping[str, RenderedScript], kind: Kind) -> list[IndexedSentence]:
    """What is indexed of every matchable script, in key order."""
    found = []
    for key in sorted(rendered):
        script = rendered[key]
        if script.version.reserved:
            continue
        content = script.version.content
        texts = (script.text, *content.paraphrases) if kind is Kind.STATEMENT else content.questions
        found += [IndexedSentence(script.version.id, kind, text) for text in dict.fromkeys(texts)]
    return found


def build_library(
    campaign: Campaign,
    versions: Iterable[ScriptVersion],
    encoder: Encoder,
    calibration: Calibration,
    generation: str,
    vectors: Mapping[str, Vectors] | None = None,
) -> Library:
    """Render, encode and index the in-force versions of a campaign.

    ``vectors`` may hold ready vectors by text, made by the same encoder; the rest is encoded now.
    """
    rendered, unusable = usable(campaign, versions)
    ready = dict(vectors or {})
    indexes = {}
    for kind in Kind:
        found = sentences(rendered, kind)
        missing = [s.text for s in found if s.text not in ready]
        if missing:
            ready.update(zip(missing, encoder.encode(missing), strict=True))
        indexes[kind] = VectorIndex(encoder.identity, found, _stack(found, ready, encoder))
    return Library(campaign, rendered, indexes, calibration, generation, unusable)


def _stack(
    found: Sequence[IndexedSentence], ready: Mapping[str, Vectors], encoder: Encoder
) -> Vectors:
    if not found:
        return np.zeros((0, encoder.identity.dimension), dtype=np.float32)
    return np.stack([ready[sentence.text] for sentence in found])
