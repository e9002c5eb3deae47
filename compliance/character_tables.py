"""What one character stands for: the shipped tables, read once, as ``translate`` maps."""

import unicodedata
from functools import cache
from importlib.resources import files

# These keep their form: "…" would become three full stops, which may stand inside a word.
_KEPT = frozenset("。、“”‘’《》〈〉【】「」『』—…·\n")
# Drawn like a Han character without being one, or written for one in Chinese net slang.
_HAN_LOOK_ALIKES = dict(
    zip(
        "カロエニタトハチ丶囯國蕞沵祢莪哋嘚湜説⺮⺀⻓⻅⻉⻋⻔⻛⻜⻝⻢⻥⻦⻩⼀⼁亼罓",
        "力口工二夕卜八千、国国最你你我地得是说竹冫长见贝车门风飞食马鱼鸟黄一丨人网",
        strict=True,
    )
)
# Small letters drawn as small capitals; UTS 39 likens only their capitals to Latin.
_SMALL_CYRILLIC = dict(zip("внктмяг", "bhktmrr", strict=True))
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")
_FIRST_SOUND = 0xF0000  # private use: one code for each of some four hundred syllables
_ENCLOSED_LETTERS = ((0x1F150, 0x1F16A), (0x1F170, 0x1F18A), (0x1F1E6, 0x1F200))


def _read(name: str) -> dict[str, str]:
    lines = (files(__package__) / "characters" / name).read_text("utf-8").splitlines()
    pairs = (line.split(" ") for line in lines)
    return {key: members for key, members in pairs}


def _reverse(table: dict[str, str]) -> dict[str, str]:
    return {member: key for key, members in table.items() for member in members}


class FoldTable(dict[int, str]):
    """``str.translate`` map from a code point to its plain form: '', one or several characters.

    Filled as characters are met; bounded, because a hostile text can show it all of Unicode.
    """

    LIMIT = 1 << 16

    def __init__(self) -> None:
        super().__init__()
        # Characters met so far that do not become exactly one character.
        self.irregular: set[str] = set()
        self._drawn = _reverse(_read("look_alikes.txt")) | _HAN_LOOK_ALIKES | _SMALL_CYRILLIC
        self._plain = _reverse(_read("simplified.txt"))

    def __missing__(self, code: int) -> str:
        if len(self) >= self.LIMIT:
            self.clear()
        folded = self[code] = self._fold(chr(code))
        if len(folded) != 1:
            self.irregular.add(chr(code))
        return folded

    def _fold(self, character: str) -> str:
        if character in _KEPT:
            return character
        code = ord(character)
        for first, end in _ENCLOSED_LETTERS:
            if first <= code < end:
                return chr(ord("a") + (code - first) % 26)
        category = unicodedata.category(character)
        if category == "Cs":
            return "\ufffd"
        if category.startswith("Z") or character in "\t\r\v\f" or character in _BLANKS:
            return "\n" if category in ("Zl", "Zp") or character == "\r" else " "
        if category in ("Mn", "Me", "Cf", "Cc"):
            return ""
        if character in self._drawn:
            return self._drawn[character]
        return "".join(
            self._drawn.get(plain, self._plain.get(plain, plain)) for plain in self._bare(character)
        )

    @staticmethod
    def _bare(character: str) -> str:
        split = unicodedata.normalize("NFKD", character).casefold()
        bare = "".join(mark for mark in split if unicodedata.category(mark) not in ("Mn", "Me"))
        return unicodedata.normalize("NFKC", bare)


@cache
def fold_table() -> FoldTable:
    """The one fold table of the process."""
    return FoldTable()


@cache
def sound_table() -> dict[int, str]:
    """``str.translate`` map from a Han character to one private character for its syllable."""
    return {
        ord(character): chr(_FIRST_SOUND + number)
        for number, members in enumerate(_read("pinyin.txt").values())
        for character in members
    }


@cache
def pinyin_table() -> dict[int, str | None]:
    """``str.translate`` map from a (simplified) Han character to toneless pinyin; spaces go."""
    table: dict[int, str | None] = {
        ord(character): syllable for character, syllable in _reverse(_read("pinyin.txt")).items()
    }
    return table | dict.fromkeys(map(ord, " '-"))
