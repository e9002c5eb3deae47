"""The text format the house model was trained on, as control tokens.

One exercise or prompt reads::

    <|zh|> (<|customer|>text<|seller|>text)* <|customer|>text <|1|>statement <|2|>statement ... MODE

The customer comes before the statements, so that a causal model reads each statement already
knowing the question. MODE is ``<|quote|>`` (name a statement, then copy it) or ``<|say|>`` (name
a statement, then say it in other words). The answer opens with the mark of the statement it rests
on, ``<|0|>`` when it rests on none, and ends with ``<|end|>``.
"""

from collections.abc import Sequence

PAD = "<|pad|>"
END = "<|end|>"
CUSTOMER = "<|customer|>"
SELLER = "<|seller|>"
QUOTE = "<|quote|>"
SAY = "<|say|>"
LANGUAGE_MARKS = {"zh": "<|zh|>", "en": "<|en|>"}
MAX_STATEMENTS = 8
STATEMENT_MARKS = tuple(f"<|{number}|>" for number in range(MAX_STATEMENTS + 1))
_ROLE_TOKENS = (PAD, END, CUSTOMER, SELLER, QUOTE, SAY)
CONTROL_TOKENS = (*_ROLE_TOKENS, *LANGUAGE_MARKS.values(), *STATEMENT_MARKS)

_SENTENCE_ENDS = "。！？!?.…；;"


def house_prompt(
    language: str,
    statements: tuple[str, ...],
    customer: str,
    history: Sequence[tuple[str, str]] = (),
    mode: str = QUOTE,
) -> str:
    """The prompt up to and including the mode mark; texts must hold no control tokens."""
    parts = [LANGUAGE_MARKS[language]]
    for role, text in history:
        parts += [CUSTOMER if role == "customer" else SELLER, text]
    parts += [CUSTOMER, customer]
    for number, statement in enumerate(statements[:MAX_STATEMENTS], 1):
        parts += [STATEMENT_MARKS[number], statement]
    parts.append(mode)
    return "".join(parts)


def sentence_break(language: str, text: str) -> str:
    """What stands between ``text`` and a following statement."""
    closed = text.rstrip().endswith(tuple(_SENTENCE_ENDS))
    if language == "zh":
        return "" if closed else "。"
    return " " if closed else ". "
