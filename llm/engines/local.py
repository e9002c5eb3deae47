"""Drafting in this process with a transformers model: the house model, or any other.

Only safetensors weights are read and no code from a model repository is run. The house model's
weights are checked against the SHA-256 of its card before they are used.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import LongTensor, Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.utils.logging import disable_progress_bar

from core.errors import ArtifactError, ConfigurationError
from llm.house.format import QUOTE
from llm.quantise import quantise
from llm.types import GenerationParameters, ModelIdentity, Prompt, Stream, Usage

Dtype = Literal["auto", "fp32", "fp16", "bf16", "int8", "int4"]

HOUSE = "house"
HOUSE_WEIGHTS = Path(__file__).resolve().parent.parent / "house" / "weights"
CARD = "card.json"
_MEND = "run `onscript llm train-house`, or install the package again"
_TORCH_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to draft: weights, tokenizer, identity and how its prompts are written."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: ModelIdentity
    house_format: bool


def load_model(
    model: str | Path = HOUSE, dtype: Dtype = "auto", *, device: str = "cpu"
) -> LoadedModel:
    """Load the house model, a local folder or a hub id.

    Raises ArtifactError for missing or corrupt weights, ConfigurationError for a precision that
    this device cannot hold.
    """
    path = HOUSE_WEIGHTS if model == HOUSE else Path(model)
    card = _card(path, required=model == HOUSE)
    chosen = str(card.get("recommended_dtype", "bf16")) if dtype == "auto" else dtype
    source = str(path) if path.exists() else str(model)
    revision = _check(path, card)
    tokenizer, weights = _read(source, chosen)
    nn.Module.to(weights, torch.device(device))
    quantised = quantise(weights, chosen, device)
    quantised.train(False)
    house = QUOTE in tokenizer.get_vocab()
    if not house and tokenizer.chat_template is None:
        raise ConfigurationError(
            f"{source} has no chat template", mend="choose an instruction-tuned (chat) model"
        )
    name = str(card.get("name", source))
    revision = revision or str(getattr(weights.config, "_commit_hash", None) or "unknown")
    return LoadedModel(
        quantised,
        tokenizer,
        ModelIdentity(name, revision, chosen, "local"),
        house,
    )


def _card(path: Path, *, required: bool) -> dict[str, Any]:
    file = path / CARD
    if not file.is_file():
        if required:
            raise ArtifactError(f"the house model's card {file} is missing", mend=_MEND)
        return {}
    try:
        card = json.loads(file.read_bytes())
    except ValueError as error:
        raise ArtifactError(f"{file} is not valid JSON", mend=_MEND) from error
    if not isinstance(card, dict):
        raise ArtifactError(f"{file} is not a model card", mend=_MEND)
    return card


def _check(path: Path, card: dict[str, Any]) -> str:
    """Compare every file the card lists with its hash; returns the weights' hash or ''."""
    files: dict[str, str] = card.get("files", {})
    for name, expected in files.items():
        file = path / name
        if not file.is_file():
            raise ArtifactError(f"{file} is missing", mend=_MEND)
        if hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise ArtifactError(f"{file} is not the file its card describes", mend=_MEND)
    return files.get("model.safetensors", "")


def _read(source: str, dtype: str) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    loaded_type = _TORCH_TYPES.get(dtype, torch.bfloat16)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own gap
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=loaded_type, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"cannot load a model from {source} ({type(error).__name__})",
            mend="name a folder or hub id with a tokenizer and safetensors weights",
        ) from error
    return tokenizer, model


class LocalEngine:
    """Streams drafts from a loaded model, one at a time for each caller."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._ends = _ends(loaded.model, loaded.tokenizer)

    @property
    def identity(self) -> ModelIdentity:
        """The model's name, weights hash, precision and this engine."""
        return self._loaded.identity

    def stream(
        self,
        prompt: Prompt,
        parameters: GenerationParameters,
        *,
        deadline: float,
        cancel: threading.Event,
    ) -> Stream:
        """Decode token by token; stops between two tokens once told to or past the deadline."""
        stream = Stream(iter(()))
        ids = self._encode(prompt, parameters)
        write = self._search if parameters.num_beams > 1 else self._decode
        stream.pieces = write(ids, parameters, stream, deadline, cancel)
        return stream

    def close(self) -> None:
        """Nothing to give back before the process ends."""

    def _encode(self, prompt: Prompt, parameters: GenerationParameters) -> Tensor:
        tokenizer = self._loaded.tokenizer
        if self._loaded.house_format:
            text = prompt.text
        else:
            messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
            text = str(
                tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            )
        ids = tokenizer.encode(text, add_special_tokens=False)
        return torch.tensor([ids[-(parameters.max_length - 1) :]], device=self._loaded.model.device)

    def _decode(
        self,
        prompt_ids: Tensor,
        parameters: GenerationParameters,
        stream: Stream,
        deadline: float,
        cancel: threading.Event,
    ) -> Iterator[str]:
        model = self._loaded.model
        process = _processors(parameters)
        generator = torch.Generator(device=model.device).manual_seed(parameters.seed)
        text = _TextSoFar(self._loaded.tokenizer)
        limit = min(parameters.max_new_tokens, parameters.max_length - prompt_ids.shape[1])
        ids, step, cache = prompt_ids, prompt_ids, None
        stream.finish = "length"
        for _ in range(limit):
            if cancel.is_set() or time.monotonic() >= deadline:
                break
            with torch.inference_mode():
                out = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache = out.past_key_values
                scores = process(cast(LongTensor, ids), out.logits[:, -1].float())
                step = _choose(scores, parameters.do_sample, generator)
            if int(step) in self._ends:
                stream.finish = "end"
                break
            ids = torch.cat([ids, step], dim=1)
            yield text.add(int(step))
        yield text.rest()
        stream.usage = Usage(prompt_ids.shape[1], ids.shape[1] - prompt_ids.shape[1])

    def _search(
        self,
        prompt_ids: Tensor,
        parameters: GenerationParameters,
        stream: Stream,
        deadline: float,
        cancel: threading.Event,
    ) -> Iterator[str]:
        """Beam search: all of the draft comes in one piece."""
        stop = StoppingCriteriaList([_Stopped(deadline, cancel)])
        with torch.inference_mode():
            out = cast(Any, self._loaded.model).generate(
                prompt_ids,
                attention_mask=torch.ones_like(prompt_ids),
                num_beams=parameters.num_beams,
                do_sample=False,
                max_new_tokens=parameters.max_new_tokens,
                repetition_penalty=parameters.repetition_penalty,
                no_repeat_ngram_size=parameters.no_repeat_ngram_size,
                stopping_criteria=stop,
            )
        new = out[0, prompt_ids.shape[1] :].tolist()
        stream.finish = "end" if any(token in self._ends for token in new) else "length"
        stream.usage = Usage(prompt_ids.shape[1], len(new))
        yield str(self._loaded.tokenizer.decode(new, skip_special_tokens=True))


class _Stopped(StoppingCriteria):
    """True for every row once the draft is cancelled or late."""

    def __init__(self, deadline: float, cancel: threading.Event) -> None:
        self._deadline = deadline
        self._cancel = cancel

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: object) -> Tensor:
        over = self._cancel.is_set() or time.monotonic() >= self._deadline
        return torch.full((input_ids.shape[0],), over, device=input_ids.device)


class _TextSoFar:
    """Turns tokens into text as it becomes certain: half a character is held back."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._given = 0

    def add(self, token: int) -> str:
        self._tokens.append(token)
        text = self._text()
        return "" if text.endswith("\ufffd") else self._new(text)

    def rest(self) -> str:
        return self._new(self._text())

    def _text(self) -> str:
        return str(self._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _new(self, text: str) -> str:
        piece = text[self._given :]
        self._given = len(text)
        return piece


def _processors(parameters: GenerationParameters) -> LogitsProcessorList:
    processors = LogitsProcessorList()
    if parameters.repetition_penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(parameters.repetition_penalty))
    if parameters.no_repeat_ngram_size:
        processors.append(NoRepeatNGramLogitsProcessor(parameters.no_repeat_ngram_size))
    if parameters.do_sample:
        processors.append(TemperatureLogitsWarper(parameters.temperature))
        processors.append(TopKLogitsWarper(parameters.top_k))
        processors.append(TopPLogitsWarper(parameters.top_p))
    return processors


def _choose(scores: Tensor, sample: bool, generator: torch.Generator) -> Tensor:
    if not sample:
        return scores.argmax(dim=-1, keepdim=True)
    return torch.multinomial(scores.softmax(dim=-1), 1, generator=generator)


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured, tokenizer.eos_token_id]
    return frozenset(token for token in listed if token is not None)
