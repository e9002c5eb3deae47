"""The shipped house model writes real tokens; broken weights are named with their mend."""

import shutil
import threading
import time
from pathlib import Path

import pytest
import torch

from core.clock import SystemClock
from core.errors import ArtifactError, ConfigurationError
from llm.drafting import Drafter
from llm.engines.local import HOUSE_WEIGHTS, Dtype, LoadedModel, LocalEngine, load_model
from llm.prompt import render_prompt
from llm.quantise import Int4Linear, Int8Linear, weight_bytes
from llm.types import Draft, DraftFailed, FailureReason, GenerationParameters, Prompt, PromptInput

_GREEDY = GenerationParameters(do_sample=False, max_new_tokens=48)
_FACT = "退款在七个工作日内到账。"


@pytest.fixture(scope="module")
def house() -> LoadedModel:
    torch.set_num_threads(2)
    return load_model()


@pytest.fixture(scope="module")
def engine(house: LoadedModel) -> LocalEngine:
    return LocalEngine(house)


@pytest.fixture
def prompt() -> Prompt:
    return render_prompt(PromptInput("zh", "月光险", "小林", (_FACT,), "退款多久到账"))


def _write(engine: LocalEngine, prompt: Prompt, parameters: GenerationParameters) -> str:
    until = time.monotonic() + 60
    return "".join(engine.stream(prompt, parameters, deadline=until, cancel=threading.Event()))


def test_the_house_model_says_the_fact_it_was_given(engine: LocalEngine, prompt: Prompt) -> None:
    draft = Drafter(engine, _GREEDY, SystemClock()).draft(prompt, 60)
    assert isinstance(draft, Draft), draft
    assert draft.text == _FACT
    assert draft.finish == "end"
    assert draft.usage.exact
    assert draft.usage.new_tokens == 13  # twelve characters and the mark of the statement
    assert len(draft.model.revision) == 64


def test_figures_never_seen_are_copied(engine: LocalEngine) -> None:
    fact = "The plan costs $7,391 a month."
    prompt = render_prompt(PromptInput("en", "Moonplan", "Lin", (fact,), "what does it cost?"))
    assert _write(engine, prompt, _GREEDY) == fact


def test_the_same_seed_gives_the_same_draft(engine: LocalEngine, prompt: Prompt) -> None:
    sampled = GenerationParameters(seed=5, max_new_tokens=24)
    assert _write(engine, prompt, sampled) == _write(engine, prompt, sampled)


def test_a_limit_on_tokens_holds(engine: LocalEngine, prompt: Prompt) -> None:
    stream = engine.stream(
        prompt,
        GenerationParameters(do_sample=False, max_new_tokens=3),
        deadline=time.monotonic() + 60,
        cancel=threading.Event(),
    )
    "".join(stream)
    assert stream.finish == "length"
    assert stream.usage is not None
    assert stream.usage.new_tokens == 3


def test_a_cancelled_draft_writes_nothing_more(engine: LocalEngine, prompt: Prompt) -> None:
    cancel = threading.Event()
    stream = engine.stream(prompt, _GREEDY, deadline=time.monotonic() + 60, cancel=cancel)
    pieces = iter(stream)
    next(pieces)
    cancel.set()
    assert "".join(pieces) == ""
    assert stream.usage is not None
    assert stream.usage.new_tokens == 1


def test_a_deadline_in_the_past_is_a_failed_draft(engine: LocalEngine, prompt: Prompt) -> None:
    outcome = Drafter(engine, _GREEDY, SystemClock()).draft(prompt, 0)
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason in (FailureReason.DEADLINE, FailureReason.BUSY)


def test_beam_search_and_penalties_work(engine: LocalEngine, prompt: Prompt) -> None:
    beams = GenerationParameters(do_sample=False, num_beams=2, max_new_tokens=32)
    assert _write(engine, prompt, beams) == _FACT
    careful = GenerationParameters(
        do_sample=False, max_new_tokens=8, repetition_penalty=1.3, no_repeat_ngram_size=3
    )
    assert _write(engine, prompt, careful)


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "int8", "int4"])
def test_every_precision_writes(dtype: Dtype, prompt: Prompt) -> None:
    loaded = load_model("house", dtype)
    assert loaded.identity.dtype == dtype
    assert _write(LocalEngine(loaded), prompt, _GREEDY) == _FACT


def test_fewer_bits_take_less_memory() -> None:
    kinds: tuple[Dtype, ...] = ("fp32", "bf16", "int8", "int4")
    sizes = [weight_bytes(load_model("house", dtype).model) for dtype in kinds]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("kind", "error"), [(Int8Linear, 0.01), (Int4Linear, 0.1)])
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_quantised_layers_are_close(
    kind: type[Int8Linear] | type[Int4Linear], error: float, rows: int
) -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(320, 864, dtype=torch.bfloat16)
    hidden = torch.randn(2, rows, 320, dtype=torch.bfloat16)
    with torch.inference_mode():
        expected, got = linear(hidden), kind(linear)(hidden)
    assert got.shape == expected.shape
    assert float((got - expected).norm() / expected.norm()) < error


def _copy(folder: Path) -> Path:
    return Path(shutil.copytree(HOUSE_WEIGHTS, folder / "weights"))


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    weights = _copy(tmp_path)
    file = weights / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.safetensors") as caught:
        load_model(weights)
    assert "train-house" in caught.value.mend


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    weights = _copy(tmp_path)
    (weights / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        load_model(weights)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_card_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"card\.json"):
        load_model(tmp_path)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot load"):
        load_model(tmp_path, "fp32")


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    weights = _copy(tmp_path)
    (weights / "card.json").unlink()
    tokenizer = weights / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("<|quote|>", "<|other|>"))
    config = weights / "tokenizer_config.json"
    config.write_text(config.read_text().replace("<|quote|>", "<|other|>"))
    with pytest.raises(ConfigurationError, match="chat template"):
        load_model(weights, "bf16")
