"""Typed masks in place of personal data: the same value gets the same mask in a conversation."""

from collections.abc import Iterable, MutableMapping

from compliance.types import PersonalDatum, PiiType

_LABELS: dict[str, dict[PiiType, str]] = {
    "zh": {
        PiiType.PHONE: "电话",
        PiiType.CN_ID: "身份证号",
        PiiType.BANK_CARD: "银行卡号",
        PiiType.EMAIL: "邮箱",
        PiiType.PASSPORT: "护照号",
        PiiType.ADDRESS: "地址",
        PiiType.NAME: "姓名",
        PiiType.PLATE: "车牌号",
        PiiType.SSN: "社保号",
        PiiType.IBAN: "IBAN",
    },
    "en": {kind: kind.value.upper() for kind in PiiType},
}
_SEPARATORS = {"zh": "", "en": "_"}
HIDDEN = {"zh": "[已隐去]", "en": "[REDACTED]"}


def mask_for(value: str, kind: PiiType, language: str, masks: MutableMapping[str, str]) -> str:
    """The mask of a value such as ``[电话1]`` or ``[PHONE_1]``; a new one is added to ``masks``.

    ``masks`` maps "type:value without separators" to its mask; the caller keeps it for as long as
    a conversation lasts. It holds the personal data itself and must be stored as such.
    """
    bare = "".join(character for character in value.casefold() if character.isalnum())
    key = f"{kind.value}:{bare}"
    if key not in masks:
        number = 1 + sum(other.startswith(f"{kind.value}:") for other in masks)
        masks[key] = f"[{_LABELS[language][kind]}{_SEPARATORS[language]}{number}]"
    return masks[key]


def mask(
    text: str,
    pii: Iterable[PersonalDatum],
    hidden: Iterable[tuple[int, int]],
    language: str,
    masks: MutableMapping[str, str],
) -> str:
    """``text`` with its personal data masked and the ``hidden`` spans taken out."""
    changes = [
        (
            datum.start,
            datum.end,
            mask_for(text[datum.start : datum.end], datum.type, language, masks),
        )
        for datum in pii
    ]
    changes += [(start, end, HIDDEN[language]) for start, end in hidden]
    pieces, at = [], 0
    for start, end, replacement in sorted(changes):
        if start >= at:
            pieces += [text[at:start], replacement]
        at = max(at, end)
    return "".join([*pieces, text[at:]])
