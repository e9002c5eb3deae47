"""Typed gaps in a script. A slot without a valid value means the script cannot be chosen."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from core.errors import InvalidInput
from script_store.types import CatalogueValue, SlotType

_SLOT = re.compile(r"\{([a-z][a-z0-9_]{0,63})\}")
_STRAY = re.compile(r"[{}]")
_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # controls, direction marks, zero width
LONGEST_VALUE = 200


def slot_names(text: str) -> tuple[str, ...]:
    """Names of the slots of a script text, in order of first appearance.

    Raises InvalidInput for a brace that is no slot.
    """
    if _STRAY.search(_SLOT.sub("", text)):
        raise InvalidInput(
            "a brace in the text is not a slot", mend="write slots as {name}: a-z, 0-9 and _"
        )
    return tuple(dict.fromkeys(_SLOT.findall(text)))


def format_value(value: CatalogueValue, language: str) -> str:
    """The value as a customer reads it. Raises InvalidInput when it is not of its type."""
    locale = language.replace("-", "_")
    try:
        match value.type:
            case SlotType.MONEY:
                return _money(Decimal(value.value), value.currency, locale)
            case SlotType.PERCENTAGE:
                return _percentage(Decimal(value.value), locale)
            case SlotType.INTEGER:
                return format_decimal(int(value.value), locale=locale)
            case SlotType.DATE:
                return format_date(date.fromisoformat(value.value), "long", locale=locale)
            case SlotType.TEXT:
                return _checked_text(value.value)
            case SlotType.ENUM:
                if value.value not in value.options:
                    raise InvalidInput("the value is not one of the slot's options")
                return _checked_text(value.value)
    except UnknownLocaleError as error:
        raise InvalidInput(
            "the language is not one that values can be written in",
            mend="use a BCP 47 tag such as zh-CN, en, en-US or en-GB",
        ) from error
    except (InvalidOperation, ValueError) as error:
        raise InvalidInput(
            f"the value is not a valid {value.type.value}",
            mend="money and percentages are decimal numbers, dates are YYYY-MM-DD",
        ) from error


def _money(amount: Decimal, currency: str, locale: str) -> str:
    if not amount.is_finite() or not _CURRENCY.fullmatch(currency):
        raise InvalidInput("money needs a finite amount and a currency such as CNY or USD")
    if currency == "CNY" and locale.startswith("zh"):
        return format_currency(amount, "CNY", "#,##0.##'元'", locale=locale, currency_digits=False)
    return format_currency(amount, currency, locale=locale)


def _percentage(share: Decimal, locale: str) -> str:
    if not share.is_finite():
        raise InvalidInput("a percentage needs a finite number")
    return format_percent(share / 100, format="#,##0.##%", locale=locale)


def _checked_text(value: str) -> str:
    if not value.strip():
        raise InvalidInput("the value is empty")
    if len(value) > LONGEST_VALUE:
        raise InvalidInput(f"the value is longer than {LONGEST_VALUE} characters")
    if any(unicodedata.category(c) in _UNSEEN or c in "<>{}" for c in value):
        raise InvalidInput("the value holds markup, line breaks or unseen characters")
    return value


def render(text: str, values: Mapping[str, CatalogueValue], language: str) -> str:
    """The script text with every slot filled.

    Raises InvalidInput naming the slot that has no valid value; nothing else is ever interpreted.
    """
    filled: dict[str, str] = {}
    for name in slot_names(text):
        if name not in values:
            raise InvalidInput(f"slot {name} has no value", mend="add it to the catalogue")
        try:
            filled[name] = format_value(values[name], language)
        except InvalidInput as error:
            raise InvalidInput(f"slot {name}: {error.message}", mend=error.mend) from error
    return _SLOT.sub(lambda gap: filled[gap.group(1)], text)
