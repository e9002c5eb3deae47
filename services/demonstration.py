"""The sample conversations of ``onscript demo``: real turns through the real parts.

Only one thing is arranged: the draft that the filter blocks is written in by hand, because a
model cannot be relied on to misbehave on cue. It goes through the same turn as any other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.clock import new_id
from llm.drafting import Drafter
from llm.engines.scripted import Performance, ScriptedEngine
from llm.types import GenerationParameters
from services.calibrating import DEMO, demo_file
from services.campaigns import CampaignLoader, LoadReport
from services.turn import take_turn
from services.types import TurnRequest
from services.wiring import Runtime

AUTHOR, APPROVER = "demo author", "demo approver"


@dataclass(frozen=True, slots=True)
class Line:
    """One customer message of the sample, and what it is there to show."""

    shows: str
    text: str
    fresh: bool = False  # starts another conversation
    written_in: str | None = None  # a draft put in the model's place


SAMPLES: Mapping[str, tuple[Line, ...]] = {
    "zh": (
        Line("a scripted reply", "你好，在吗"),
        Line("a draft by the language model, answered with an approved script", "等待期是多久啊"),
        Line("another one", "看个感冒挂门诊能报吗"),
        Line(
            "a draft that the filter blocks (this draft is written in by hand)",
            "那是不是买了就一定能赔？",
            written_in="您放心，我们保证百分之百赔付，绝对没有任何风险，稳赚不赔！",
        ),
        Line("a fallback: nothing approved says it", "帮我写一首关于秋天的诗", fresh=True),
        Line("a person is asked for", "转人工，我要跟真人说", fresh=True),
        Line("the bot stays silent while a person has the conversation", "还有人吗"),
        Line("an opt-out", "别再给我发消息了，退订", fresh=True),
        Line("an opt-out holds", "保费多少钱"),
    ),
    "en": (
        Line("a scripted reply", "hi there"),
        Line(
            "a draft by the language model, answered with an approved script",
            "how much is the 500 plan a month?",
        ),
        Line("another one", "is the mobile hotspot included in unlimited?"),
        Line(
            "a draft that the filter blocks (this draft is written in by hand)",
            "is it really faster than what i have?",
            written_in="We guarantee the fastest internet in America, 100% risk free, and your "
            "credit approval is guaranteed!",
        ),
        Line("a fallback: nothing approved says it", "write me a poem about autumn", fresh=True),
        Line("a person is asked for", "can i talk to a real person please", fresh=True),
        Line("the bot stays silent while a person has the conversation", "anyone there?"),
        Line("an opt-out", "stop texting me, unsubscribe", fresh=True),
        Line("an opt-out holds", "how much is it"),
    ),
}


def load_demo(loader: CampaignLoader) -> list[LoadReport]:
    """Bring both demo campaigns into force under two demo names."""
    return [
        report
        for name in DEMO.values()
        for report in loader.load(demo_file(name), AUTHOR, APPROVER)
    ]


def hold(runtime: Runtime, language: str) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    """Hold a language's sample conversation; gives each line with the trace of its turn."""
    conversation = f"demo-{new_id()}"
    for line in SAMPLES[language]:
        if line.fresh:
            conversation = f"demo-{new_id()}"
        parts = runtime.parts
        if line.written_in is not None:
            engine = ScriptedEngine([Performance(pieces=(line.written_in,))])
            drafter = Drafter(engine, GenerationParameters(), runtime.clock)
            parts = replace(parts, drafting=drafter, llm=str(engine.identity))
        request = TurnRequest(DEMO[language], conversation, line.text, new_id())
        yield line, take_turn(request, parts).trace
