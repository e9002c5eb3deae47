"""Whether a hit is denied where it stands: "我们不承诺保本", "we cannot guarantee returns".

Nearness alone would clear "无门槛包过" (no threshold, pass guaranteed), so only words that carry a
denial onward may stand between the negator and the hit: auxiliaries, verbs of promising, and the
earlier members of a list. Double negatives and rhetorical questions deny nothing.
"""

from compliance.linear import compiled

_WINDOW = 64
_ZH_NEGATOR = (
    "(?:并非|绝非|而非|从未|尚未|未必|未曾|并未|没有|没法|无法|无权|切勿|请勿|不|没|未|勿|别|莫"
    "|禁止|严禁|杜绝|拒绝|谨防|警惕|远离|防范|抵制|当心|小心|避免|轻信|揭露|打击)"
)
_ZH_CARRIER = (
    "(?:请|在[^，,。！？!?；;\\n]{1,6}(?:里|中|上|内|时)|可能|可以|能够|能|会|可|得|是|要|敢|应当|应该|应|予以|予|曾|去|再|用|以|为|把|将|向|对|给"
    "|您|你|客户|消费者|任何人|任何形式的?|任何|人|者|一定|绝对|必然|必定|就|也|都|真的|所谓的?|有"
    "|承诺|保证|担保|确保|许诺|允诺|宣称|宣传|声称|表示|暗示|代表|意味着?|等于|等同于|构成|存在"
    "|属于|提供|做出|作出|做|作|使用|出现|相信|听信|听说|说|讲|我们|我|本?公司|该|此|这|那|种|类"
    '|本?产品|本?服务|未来|过往业绩|过去|百分之?百|100%|的|了|过|些|谁|谁家|哪家|[“"「『《])'
)
_ZH_PROMISE = "(?:承诺|保证|担保|许诺|宣称|宣传|声称|使用|出现|提供|作出|做出|存在|是|构成)"
_ZH_LIST = "(?:[^，,。！？!?；;：:\\n、]{1,8}[、和与或及/]|保本|保息|保收益|保底)"
_ZH_DENIED = (
    f"{_ZH_NEGATOR}{_ZH_CARRIER}*(?:{_ZH_PROMISE}{_ZH_CARRIER}*{_ZH_LIST}*)?{_ZH_CARRIER}*$"
)
_ZH_AFFIRMED = (
    "(?:不(?:可能|能|会|是|得|可|该|敢|应|要)?(?:不|没有|没|无)|没有(?:人|谁|哪个|哪家|一个)?不"
    "|并非(?:不|没有)|无不|非不|不是没有"
    f"|(?:难道|岂|何尝|谁说|哪能|哪有|怎么能?|怎能|怎会){_ZH_NEGATOR}?"
    "|不就是|不正是|能不|不仅|不但|不只|不光|不止|不单|不愧|差不多|特别|级别|分别|区别|别人"
    f"){_ZH_CARRIER}*$"
)
_ZH_DISCREDITED = (
    "^[^，,。！？!?；;\\n]{0,8}(?:(?:是|属于|属|涉嫌)违[法规]|(?:是|都是)?骗(?:局|子|人|术)"
    "|不可信|不能信|别信|不要信|是不可能|是假的|都是假|不合规|被禁止|不存在的?(?:[，。！!,.]|$))"
)
_EN_NEGATOR = (
    "(?:not|never|no|cannot|can ?not"
    "|(?:is|are|was|were|do|does|did|wo|would|could|should|ca|has|have|had|must|need|ai)n['’]?t|without|neither|nor|nobody|nothing|none|unable"
    "|refuse[sd]?|avoid|beware|prohibit(?:s|ed)?|forbidden|forbids?|illegal|unlawful)"
)
_EN_CARRIER = (
    "(?:a|an|any|anyone|anybody|anything|the|be|been|being|is|are|was|it|this|that|there|to|we|you"
    "|your|our|i|of|as|in|for|by|with|from|on|all|such|or|and|nor|either|guarantee[ds]?|guaranteeing"
    "|promis(?:e|es|ed|ing)|claim(?:s|ed|ing)?|offer(?:s|ed|ing)?|provid(?:e|es|ed|ing)|mak(?:e|es|ing)"
    "|giv(?:e|es|ing)|say|says|saying|mean|means|imply|implies|suggest|suggests|assur(?:e|es|ed|ing)"
    "|ensur(?:e|es|ed|ing)|necessarily|always|ever|currently|yet|actually|truly|constitute|constitutes"
    "|represent|represents|considered|intended|meant|able|allowed|permitted|going|can|could|will"
    "|would|may|should|must|have|has|had|do|does|ourselves|itself|form|kind|type|sort)"
)
_EN_DENIED = f"\\b{_EN_NEGATOR}(?:[ ,]+{_EN_CARRIER}){{0,6}}[ \"'“]*$"
_EN_AFFIRMED = (
    "(?:\\b(?:why not|why (?:would|wo|do|ca)n['’]?t|who says|how could|no doubt|not without"
    "|never not|cannot not|nothing but|(?:is|are|was|do|does|did|wo|would|ca|could)n['’]?t"
    " (?:it|this|that|these|we|you|they|i|there)))"
    f"(?:[ ,]+{_EN_CARRIER}){{0,6}}[ \"'“]*$"
)
_EN_DISCREDITED = (
    "^[^,.!?;\\n]{0,24}\\b(?:(?:is|are|would be) (?:illegal|unlawful|prohibited|a scam|scams"
    "|a lie|lies|not (?:possible|allowed|permitted|true|something))"
    "|do(?:es)? not exist|doesn['’]?t exist)"
)
_CLAUSE_ENDS = "。！？!?；;，,：:\n"
_ENGLISH_ENDS = ".。！？!?；;\n"


def _found(text: str, *sources: str) -> bool:
    pattern = compiled("|".join(f"(?:{source})" for source in sources))
    return pattern.search(text.encode()) is not None


def _tail(text: str, ends: str) -> str:
    cut = max((text.rfind(mark) for mark in ends), default=-1)
    return text[cut + 1 :]


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` of a folded text is denied, forbidden or called untrue there."""
    before = text[max(0, start - _WINDOW) : start]
    if _found(text[end : end + _WINDOW], _ZH_DISCREDITED, _EN_DISCREDITED):
        return True
    chinese, english = _tail(before, _CLAUSE_ENDS), _tail(before, _ENGLISH_ENDS)
    if _found(chinese, _ZH_DENIED):
        return not _found(chinese, _ZH_AFFIRMED)
    return _found(english, _EN_DENIED) and not _found(english, _EN_AFFIRMED)
