"""Amounts, prices, percentages, periods and dates that the campaign's catalogue does not support.

Pure: the caller gives the texts of the catalogue (slot values, product descriptions, approved
facts) or the quantities themselves. 广告法 8 asks that price, quality, period and promise be stated
accurately; a number nobody approved cannot be.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.quantities import Measure, Quantity, quantities
from compliance.types import Action, Finding, View

UNSUPPORTED_FACT = "unsupported_fact"
_PACK = "catalogue@1#built-in"
_CITATION = "广告法 8 [V]; 16 CFR 310.3 [S]; UCPD 6 [M]"
_NAMES: dict[Measure, tuple[str, str]] = {
    Measure.MONEY: ("金额", "amount"),
    Measure.PERCENT: ("百分比", "percentage"),
    Measure.DISCOUNT: ("折扣", "discount"),
    Measure.PERIOD: ("期限", "period"),
    Measure.DATE: ("日期", "date"),
    Measure.COUNT: ("数字", "number"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalogue supports."""

    quantities: frozenset[Quantity]

    @classmethod
    def stated_in(cls, texts: Iterable[str]) -> "Facts":
        """The facts that these texts state."""
        return cls(frozenset(found.quantity for text in texts for found in quantities(text)))

    def supports(self, quantity: Quantity) -> bool:
        """Whether the catalogue states it; a bare number may be the value of any stated amount."""
        if quantity in self.quantities:
            return True
        if quantity.measure is Measure.COUNT:
            return any(quantity.value == known.value for known in self.quantities)
        if quantity.measure is Measure.DATE:
            return any(_is_part(quantity, known) for known in self.quantities)
        return False


def check_facts(text: str, facts: Facts) -> tuple[Finding, ...]:
    """One finding for each amount in ``text`` that the catalogue does not support.

    Bare counts are reported only; an unsupported price, percentage, discount, period or date
    blocks.
    """
    return tuple(
        _finding(found.quantity.measure, found.start, found.end)
        for found in quantities(text)
        if not facts.supports(found.quantity)
    )


def _is_part(said: Quantity, known: Quantity) -> bool:
    """ "11月30日" is supported by "2026年11月30日", and so is "2026年11月"."""
    if known.measure is not Measure.DATE:
        return False
    parts = zip(_date_parts(said), _date_parts(known), strict=True)
    return all(one in (0, other) for one, other in parts)


def _date_parts(quantity: Quantity) -> tuple[int, int, int]:
    number = int(quantity.value)
    return number // 10_000, number // 100 % 100, number % 100


def _finding(measure: Measure, start: int, end: int) -> Finding:
    chinese, english = _NAMES[measure]
    return Finding(
        rule=f"core.facts.{measure.value}",
        pack=_PACK,
        category=UNSUPPORTED_FACT,
        citation=_CITATION,
        start=start,
        end=end,
        view=View.ORIGINAL,
        action=Action.ALLOW if measure is Measure.COUNT else Action.BLOCK,
        reason_zh=f"产品资料中没有这个{chinese}",
        reason_en=f"the catalogue does not state this {english}",
        suggestion_zh="改用产品资料中的数字，或先补充资料",
        suggestion_en="use a figure from the catalogue, or add it there first",
    )
