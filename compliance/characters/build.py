"""Write the character tables again: ``python -m compliance.characters.build``.

Needs ``opencc``, ``pypinyin`` and ``confusable-homoglyphs`` (development only); the product reads
the three text files and needs none of them. Sources: OpenCC's TSCharacters (traditional to
simplified), pypinyin's most frequent reading of a character, Unicode's confusables (UTS 39).
"""

import unicodedata
from collections import defaultdict
from pathlib import Path

import opencc
from confusable_homoglyphs import confusables
from pypinyin import Style, lazy_pinyin

HERE = Path(__file__).parent
HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x2EBF0), (0x30000, 0x323B0))
BASIC_HAN = range(0x4E00, 0xA000)
LATIN = "abcdefghijklmnopqrstuvwxyz"


def simplified() -> dict[str, str]:
    """Each traditional or variant character and the one simplified character it stands for."""
    converter = opencc.OpenCC("t2s")
    table: dict[str, str] = {}
    for first, end in HAN_BLOCKS:
        for code in range(first, end):
            character = chr(code)
            plain = converter.convert(character)
            if len(plain) == 1 and plain != character:
                table[character] = plain
    return table


def readings(skip: dict[str, str]) -> dict[str, str]:
    """Toneless pinyin to the characters so read; characters that get simplified are left out."""
    table: dict[str, list[str]] = defaultdict(list)
    for code in BASIC_HAN:
        character = chr(code)
        syllable = lazy_pinyin(character, style=Style.NORMAL)[0]
        plain = "".join(
            mark for mark in unicodedata.normalize("NFKD", syllable) if mark.isascii()
        ).replace("v", "u")
        if character not in skip and plain.isalpha() and plain.islower():
            table[plain].append(character)
    return {syllable: "".join(members) for syllable, members in sorted(table.items())}


def look_alikes() -> dict[str, str]:
    """Each Latin letter and the foreign letters drawn like it that NFKC does not fold already."""
    table: dict[str, str] = {}
    for letter in LATIN:
        drawn: set[str] = set()
        for form in (letter, letter.upper()):
            for entry in confusables.confusables_data.get(form, []):
                other = entry["c"].strip("\u200e")
                if len(other) == 1 and not other.isascii() and other.isalpha():
                    drawn.add(other)
        kept = {
            other
            for other in drawn
            if not unicodedata.normalize("NFKC", other).isascii()
            and unicodedata.bidirectional(other) == "L"
            and not any(other in members for members in table.values())
        }
        table[letter] = "".join(sorted(kept))
    # UTS 39 draws a capital I as l; in a word it is meant as i.
    capital_i = {mark for mark in table["l"] if unicodedata.name(mark).endswith((" I", "IOTA"))}
    table["l"] = "".join(mark for mark in table["l"] if mark not in capital_i)
    table["i"] += "".join(sorted(capital_i))
    return table


def main() -> None:
    """Write the three files beside this module."""
    traditional = simplified()
    grouped: dict[str, list[str]] = defaultdict(list)
    for character, plain in traditional.items():
        grouped[plain].append(character)
    files = {
        "simplified.txt": {plain: "".join(group) for plain, group in sorted(grouped.items())},
        "pinyin.txt": readings(traditional),
        "look_alikes.txt": look_alikes(),
    }
    for name, table in files.items():
        lines = (f"{key} {members}\n" for key, members in table.items() if members)
        (HERE / name).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
