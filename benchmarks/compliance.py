"""CPU time of the compliance filter: ``python -m benchmarks.compliance [--json]``.

Every pack of a jurisdiction against 200-character messages in both languages, beside the bare
parts on the same texts in the same run: pyahocorasick with the same literals, one RE2 set with the
same patterns, and Python's ``re`` pattern by pattern. Thread CPU time, garbage collector on. Then
the time for long texts, which must grow in proportion to their length, and the share of the packs'
own examples that are still caught in disguise.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import ahocorasick
import opencc
import re2

from compliance.engine import ComplianceEngine
from compliance.library import load_packs
from compliance.linear import pattern_options
from compliance.matcher import Matcher
from compliance.normalise import fold
from compliance.pack import Pack, folded_term
from compliance.separators import TRIGGERS
from compliance.types import Direction, Jurisdiction
from core.text import detect_language

LENGTH = 200
ROUNDS = 400
CHINESE = (
    "您好，感谢咨询。这款医疗险每年的保费按年龄计算，三十岁的健康人群大约在三百到五百元之间，具体以投保页面的测算为准。",
    "住院产生的合理费用，扣除一万元免赔额之后按照合同约定的比例赔付；等待期是三十天，等待期内因疾病出险不予赔付。",
    "如果您已经有社保，可以先用社保报销，剩下的部分再申请理赔。理赔时需要提供发票、病历和费用清单，一般十个工作日内答复。",
    "课程一共二十四节，每周两节，直播结束之后可以看回放。学不完可以申请延期一次，退费规则写在协议第六条里面。",
    "我最近在比较几家的方案，想知道你们和别家相比有什么不同，价格能不能再便宜一点，另外多久可以生效？",
)
ENGLISH = (
    "Thanks for getting in touch. The monthly plan starts at 29 dollars and you can change or end "
    "it at any time from the account page, without a call. ",
    "Cover starts thirty days after the policy is issued. Claims usually take about ten working "
    "days once we have the invoice and the medical report. ",
    "I have been comparing a few providers and I wonder how yours differs, whether the price "
    "includes tax, and how soon the service could start for my family. ",
    "The course has twenty-four lessons, two a week, and every one of them can be watched again "
    "later. Past results do not tell what a learner will reach. ",
)


def messages(sentences: Iterable[str]) -> list[str]:
    """Each a different mix of the sentences, cut to 200 characters."""
    parts = list(sentences)
    return [
        "".join(parts[(first + step) % len(parts)] for step in range(len(parts)))[:LENGTH]
        for first in range(len(parts))
    ]


def cpu_microseconds(action: Callable[[str], object], texts: list[str]) -> tuple[float, float]:
    """(p50, p99) of thread CPU time of one call."""
    for text in texts * 20:
        action(text)
    samples = []
    for _ in range(ROUNDS):
        for text in texts:
            begun = time.thread_time_ns()
            action(text)
            samples.append((time.thread_time_ns() - begun) / 1000)
    samples.sort()
    return samples[len(samples) // 2], samples[int(len(samples) * 0.99)]


def bare_automaton(packs: Iterable[Pack]) -> Callable[[str], object]:
    """pyahocorasick alone with the same literals."""
    automaton = ahocorasick.Automaton()
    for pack in packs:
        for rule in pack.rules:
            for term in rule.match.terms:
                automaton.add_word(folded_term(term), rule.id)
    automaton.make_automaton()
    return lambda text: list(automaton.iter(text))


def sources(packs: Iterable[Pack]) -> list[str]:
    """The patterns of the packs, ``near`` included, as RE2 and Python both read them."""
    rules = [rule for pack in packs for rule in pack.rules]
    near = [near.pattern(exact=False) for rule in rules for near in rule.match.near]
    return [pattern for rule in rules for pattern in rule.match.patterns] + near


def bare_set(patterns: list[str]) -> Callable[[str], object]:
    """One RE2 set alone with the same patterns."""
    patterns_set = re2.Set.SearchSet(pattern_options())
    for pattern in [*patterns, *(source for group in TRIGGERS.values() for source in group)]:
        patterns_set.Add(pattern)
    patterns_set.Compile()
    return lambda text: patterns_set.Match(text.encode())


def python_re(patterns: list[str]) -> Callable[[str], object]:
    """Python's ``re``, one search a pattern; what only RE2 can read is left out."""
    readable = [pattern for pattern in patterns if not re.search(r"\\p[LN{]|\\pL|\(\?i\)", pattern)]
    searches = [re.compile(pattern, re.IGNORECASE).search for pattern in readable]
    return lambda text: [search(text) for search in searches]


def measure(
    engine: ComplianceEngine, packs: tuple[Pack, ...], place: Jurisdiction
) -> list[dict[str, object]]:
    """One row for each direction, language and competitor."""
    rows: list[dict[str, object]] = []
    for direction in Direction:
        chosen = [pack for pack in packs if pack.applies(direction, place, None)]
        patterns = sources(chosen)
        screen = engine.screen_in if direction is Direction.INBOUND else engine.screen_out
        contenders: dict[str, Callable[[str], object]] = {
            "OnScript, everything": partial(screen, jurisdiction=place),
            "normalisation alone (fold)": fold,
            "pyahocorasick alone": bare_automaton(chosen),
            "RE2 set alone": bare_set(patterns),
            "Python re, one by one": python_re(patterns),
        }
        for language, sentences in (("zh", CHINESE), ("en", ENGLISH)):
            for name, action in contenders.items():
                p50, p99 = cpu_microseconds(action, messages(sentences))
                rows.append(
                    {
                        "place": place.value,
                        "direction": direction.value,
                        "language": language,
                        "rules": sum(len(pack.rules) for pack in chosen),
                        "what": name,
                        "p50_us": round(p50, 1),
                        "p99_us": round(p99, 1),
                    }
                )
    return rows


EVASIONS: dict[str, Callable[[str], str]] = {
    "blank between all": " ".join,
    "dot between all": ".".join,
    "star between all": "*".join,
    "comma between all": "，".join,
    "emoji between all": "😀".join,
    "invisible between all": "\u200b".join,
    "combining marks": "\u0336".join,
    "one star": lambda text: _inserted(text, "*"),
    "one blank": lambda text: _inserted(text, " "),
    "one emoji": lambda text: _inserted(text, "🔥"),
    "full width": lambda text: text.translate({code: code + 0xFEE0 for code in range(33, 127)}),
    "bold letters": lambda text: text.translate(
        {97 + index: 0x1D41A + index for index in range(26)}
    ),
    "Cyrillic look-alikes": lambda text: text.translate(str.maketrans("aeopcxy", "аеорсху")),
    "leet": lambda text: text.translate(str.maketrans("aeiost", "431057")),
    "stretched": lambda text: text[:2] + text[1:2] * 3 + text[2:],
    "doubled": lambda text: "".join(character * 2 for character in text),
}


def _inserted(text: str, mark: str) -> str:
    middle = len(text) // 2
    return text[:middle] + mark + text[middle:]


def evasions(packs: Iterable[Pack]) -> list[dict[str, object]]:
    """Share of the packs' own examples still caught when their matched words are disguised."""
    counts: dict[tuple[str, str], list[int]] = {}
    traditional = opencc.OpenCC("s2t").convert
    for pack in packs:
        matcher = Matcher([pack])
        for index, bound in enumerate(matcher.rules):
            for text in bound.rule.examples.match:
                spans = [
                    hit.reading.in_original(hit.start, hit.end)
                    for hit in matcher.scan(fold(text))[0]
                    if hit.rule == index and not matcher.is_suspect(hit)
                ]
                for name, disguise in {**EVASIONS, "traditional": traditional}.items():
                    start, end = spans[0] if spans else (0, 0)
                    hidden = disguise(text[start:end])
                    if hidden == text[start:end]:
                        continue
                    found = matcher.scan(fold(text[:start] + hidden + text[end:]))[0]
                    caught = any(hit.rule == index and not matcher.is_suspect(hit) for hit in found)
                    tally = counts.setdefault((name, detect_language(text)), [0, 0])
                    tally[0] += caught
                    tally[1] += 1
    return [
        {"evasion": name, "language": language, "cases": cases, "caught": round(caught / cases, 3)}
        for (name, language), (caught, cases) in sorted(counts.items())
    ]


def slope(engine: ComplianceEngine) -> list[dict[str, object]]:
    """Seconds for texts of growing length; microseconds a character should stay level."""
    rows: list[dict[str, object]] = []
    for language, sentences in (("zh", CHINESE), ("en", ENGLISH)):
        unit = "".join(sentences)
        for length in (1_000, 10_000, 100_000, 1_000_000):
            text = (unit * (length // len(unit) + 1))[:length]
            begun = time.thread_time_ns()
            engine.screen_out(text, jurisdiction=Jurisdiction.CN)
            spent = (time.thread_time_ns() - begun) / 1000
            rows.append(
                {
                    "language": language,
                    "characters": length,
                    "us_per_character": round(spent / length, 3),
                }
            )
    return rows


def main() -> None:
    """Print the tables, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--place", choices=list(Jurisdiction), action="append")
    parser.add_argument("--packs", type=Path, help="a folder of packs instead of the shipped ones")
    options = parser.parse_args()
    packs = load_packs(options.packs)
    engine = ComplianceEngine(packs)
    rows = [
        row
        for place in options.place or (Jurisdiction.CN, Jurisdiction.US)
        for row in measure(engine, packs, Jurisdiction(place))
    ]
    rows += slope(engine)
    rows += evasions(packs)
    for row in rows:
        if options.json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(
                "  ".join(
                    f"{value:.3f}" if isinstance(value, float) else f"{value!s}"
                    for value in row.values()
                )
            )


if __name__ == "__main__":
    main()
