"""The compliance engine: what a customer wrote is screened, what we would say is judged.

One engine holds immutable packs; new packs mean a new engine, so a bad pack never disturbs the
running ones. Rules are compiled once for each (direction, jurisdiction, domain).
"""

from collections.abc import MutableMapping, Sequence
from threading import Lock

from compliance.masking import mask
from compliance.matcher import Hit, Matcher
from compliance.names import introduces_speaker
from compliance.normalise import Projection, fold
from compliance.pack import Pack
from compliance.paraphrase.types import Opinion, Paraphrase
from compliance.personal_data import TRIGGERS, find_personal_data
from compliance.types import (
    Action,
    Category,
    Direction,
    Finding,
    Jurisdiction,
    PersonalDatum,
    PiiType,
    Screening,
    Signal,
    Verdict,
    View,
    strongest,
)
from core.errors import InvalidInput
from core.text import detect_language, primary_language

BUILT_IN = "personal-data@1#built-in"
PERSONAL_DATA_RULE = "core.personal_data"
MODEL_RULE = "model"
_PUNCTUATION = str.maketrans("，！；：？（）", ",!;:?()")
_PERSONAL_DATA_CITATIONS: dict[Jurisdiction | None, str] = {
    Jurisdiction.CN: "个人信息保护法 6 [V]",
    Jurisdiction.US: "FTC Act s.5 [M]",
    Jurisdiction.EU: "GDPR 5(1)(c) [M]",
    Jurisdiction.UK: "UK GDPR 5(1)(c) [M]",
    None: "个人信息保护法 6 [V]; GDPR 5(1)(c) [M]",
}


class ComplianceEngine:
    """Screens texts against rule packs and finds personal data. Safe to share between threads.

    With ``paraphrase`` whole sentences of what we would say are also read by meaning; its findings
    stand beside those of the rules and clear none of them.
    """

    def __init__(self, packs: Sequence[Pack], paraphrase: Paraphrase | None = None) -> None:
        self._packs = tuple(packs)
        self._paraphrase = paraphrase
        self._matchers: dict[tuple[Direction, Jurisdiction | None, str | None], Matcher] = {}
        self._lock = Lock()

    @property
    def packs(self) -> tuple[str, ...]:
        """Identity of every pack held, and of the model: ``name@version#hash12``."""
        return tuple(pack.identity for pack in self._packs) + self._models

    def screen_in(
        self,
        text: str,
        *,
        language: str | None = None,
        jurisdiction: str | None = None,
        masks: MutableMapping[str, str] | None = None,
    ) -> Screening:
        """Opt-out, injection, distress, minors, and personal data masked; never an error.

        ``language`` is a BCP 47 tag, else it is detected; ``masks`` carries the masks of earlier
        messages of the conversation and receives new ones.
        """
        place = _jurisdiction(jurisdiction)
        matcher = self._matcher(Direction.INBOUND, place, None)
        findings, pii, signals = _examine(matcher, text, place)
        return Screening(
            text=_masked(text, findings, pii, language, masks),
            findings=findings,
            opt_out=Signal.OPT_OUT in signals,
            injection=Signal.INJECTION in signals,
            distress=Signal.DISTRESS in signals,
            minor=Signal.MINOR in signals,
            pii=pii,
            packs=matcher.identities,
        )

    def screen_out(
        self,
        text: str,
        *,
        language: str | None = None,
        jurisdiction: str | None = None,
        domain: str | None = None,
        allowed: frozenset[str] = frozenset(),
        masks: MutableMapping[str, str] | None = None,
        by_rules: bool = False,
    ) -> Verdict:
        """May this be said?

        ``allowed`` holds literals, such as the seller's hotline, that are no personal data; nor is
        the name by which the seller introduces themself. An unknown jurisdiction or domain is
        judged by all rules together. With ``by_rules`` the paraphrase model is not asked.
        """
        place = _jurisdiction(jurisdiction)
        matcher = self._matcher(Direction.OUTBOUND, place, domain)
        found, everything, _ = _examine(matcher, text, place)
        pii = tuple(datum for datum in everything if not _is_allowed(datum, text, allowed))
        findings = found + tuple(_personal_data_finding(datum, place) for datum in pii)
        if self._paraphrase is not None and not by_rules:
            model = self._paraphrase.identity
            findings += tuple(_model_finding(one, model) for one in self._paraphrase.opinions(text))
        return Verdict(
            action=strongest(findings),
            text=_masked(text, findings, pii, language, masks),
            findings=findings,
            pii=pii,
            packs=matcher.identities + (() if by_rules else self._models),
        )

    def warm(self, direction: Direction, jurisdiction: str | None, domain: str | None) -> None:
        """Compile the rules of one place and sector before the first message needs them."""
        self._matcher(direction, _jurisdiction(jurisdiction), domain)

    @property
    def _models(self) -> tuple[str, ...]:
        return () if self._paraphrase is None else (self._paraphrase.identity,)

    def _matcher(
        self, direction: Direction, jurisdiction: Jurisdiction | None, domain: str | None
    ) -> Matcher:
        key = (direction, jurisdiction, domain)
        matcher = self._matchers.get(key)
        if matcher is None:
            with self._lock:
                chosen = [pack for pack in self._packs if pack.applies(*key)]
                matcher = self._matchers.setdefault(key, Matcher(chosen, TRIGGERS))
        return matcher


def _examine(
    matcher: Matcher, text: str, place: Jurisdiction | None
) -> tuple[tuple[Finding, ...], tuple[PersonalDatum, ...], set[str]]:
    """Findings, personal data, and the categories and signals that enforced rules found.

    A hit by sound alone is reported but sets no signal.
    """
    if not text:
        return (), (), set()
    folded = fold(text)
    hits, triggered = matcher.scan(folded)
    pii = find_personal_data(text, folded, place, triggered) if triggered else ()
    findings = sorted(
        (_finding(matcher, hit, text) for hit in hits),
        key=lambda finding: (finding.start, finding.end, finding.rule),
    )
    counted = {
        matcher.rules[hit.rule].subject
        for hit in hits
        if matcher.rules[hit.rule].enforced and not matcher.is_suspect(hit)
    }
    return tuple(findings), pii, counted


def _finding(matcher: Matcher, hit: Hit, text: str) -> Finding:
    bound = matcher.rules[hit.rule]
    rule = bound.rule
    start, end = hit.reading.in_original(hit.start, hit.end)
    return Finding(
        rule=rule.id,
        pack=bound.pack,
        category=bound.subject,
        citation=bound.citation,
        start=start,
        end=end,
        view=_view(hit.reading, text[start:end], hit),
        action=Action.ALLOW if matcher.is_suspect(hit) else rule.action,
        observed=not bound.enforced,
        reason_zh=rule.reason.zh,
        reason_en=rule.reason.en,
        suggestion_zh=rule.suggestion.zh if rule.suggestion else "",
        suggestion_en=rule.suggestion.en if rule.suggestion else "",
    )


def _view(reading: Projection, written: str, hit: Hit) -> View:
    """``original`` unless something beyond case and full-width punctuation had to be undone."""
    shown = reading.text[hit.start : hit.end]
    as_written = reading.base is None and written.lower().translate(_PUNCTUATION) == shown
    return View.ORIGINAL if as_written else reading.view


def _personal_data_finding(datum: PersonalDatum, place: Jurisdiction | None) -> Finding:
    return Finding(
        rule=f"{PERSONAL_DATA_RULE}.{datum.type.value}",
        pack=BUILT_IN,
        category=Category.PERSONAL_DATA,
        citation=_PERSONAL_DATA_CITATIONS[place],
        start=datum.start,
        end=datum.end,
        view=View.ORIGINAL,
        action=Action.REDACT,
        reason_zh="草稿中含有个人信息",
        reason_en="the draft holds personal data",
        suggestion_zh="删去个人信息，或改用槽位",
        suggestion_en="leave the personal data out, or use a slot",
    )


def _model_finding(opinion: Opinion, model: str) -> Finding:
    """A model cites no article: it says what a sentence resembles, not which words break a law."""
    return Finding(
        rule=f"{MODEL_RULE}.{opinion.category.value}",
        pack=model,
        category=opinion.category,
        citation="",
        start=opinion.start,
        end=opinion.end,
        view=View.MODEL,
        action=Action.BLOCK,
        observed=not opinion.enforced,
        reason_zh="模型认为整句的意思属于这类违规，尽管没有出现规则中的字词",
        reason_en="by its meaning the sentence is of this category, whatever words it uses",
        suggestion_zh="把这句话换成可以证明的事实，并写明条件",
        suggestion_en="say a fact that can be shown, with its conditions, instead of this sentence",
        score=opinion.score,
    )


def _is_allowed(datum: PersonalDatum, text: str, allowed: frozenset[str]) -> bool:
    if datum.type is PiiType.NAME and introduces_speaker(text, datum.start):
        return True
    if not allowed:
        return False
    found = _bare(text[datum.start : datum.end])
    return any(found == _bare(literal) for literal in allowed)


def _bare(text: str) -> str:
    return "".join(character for character in fold(text).text if character.isalnum())


def _masked(
    text: str,
    findings: tuple[Finding, ...],
    pii: tuple[PersonalDatum, ...],
    language: str | None,
    masks: MutableMapping[str, str] | None,
) -> str:
    hidden = [
        (finding.start, finding.end)
        for finding in findings
        if finding.action is Action.REDACT
        and not finding.observed
        and finding.category != Category.PERSONAL_DATA
    ]
    if not (pii or hidden):
        return text
    tongue = primary_language(language) if language else detect_language(text)
    return mask(text, pii, hidden, tongue, {} if masks is None else masks)


def _jurisdiction(code: str | None) -> Jurisdiction | None:
    if code is None:
        return None
    try:
        return Jurisdiction(code.upper())
    except ValueError as error:
        known = ", ".join(Jurisdiction)
        raise InvalidInput(f"unknown jurisdiction {code!r}", mend=f"one of {known}") from error
