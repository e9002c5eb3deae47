"""The planner reproduces the worked figures that the product was asked for with."""

import json
from pathlib import Path

import pytest

from core.errors import InvalidInput
from llm.planner import GIB, ModelShape, PlanDtype, llama_shape, plan, read_shape, shape_of

_LLAMA_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 64_000,
}
_GB = 1e9


@pytest.mark.parametrize(
    ("dtype", "gib"), [("fp32", 3.725), ("fp16", 1.863), ("int8", 0.931), ("int4", 0.466)]
)
def test_weights_of_a_billion_parameters(dtype: PlanDtype, gib: float) -> None:
    assert plan(llama_shape(10**9), dtype=dtype).weights == pytest.approx(gib, abs=0.001)


@pytest.mark.parametrize(
    ("dtype", "gib"), [("fp32", 26.08), ("fp16", 13.04), ("int8", 6.52), ("int4", 3.26)]
)
def test_weights_of_llama_7b(dtype: PlanDtype, gib: float) -> None:
    shape = shape_of(_LLAMA_7B)
    assert shape.parameters == 7_000_559_616
    assert plan(shape, dtype=dtype).weights == pytest.approx(gib, abs=0.005)


@pytest.mark.parametrize(("dtype", "gigabytes"), [("fp32", 24), ("int8", 6)])
def test_weights_of_a_6b_model(dtype: PlanDtype, gigabytes: float) -> None:
    planned = plan(llama_shape(6 * 10**9), dtype=dtype)
    assert planned.weights * GIB / _GB == pytest.approx(gigabytes)


def test_gradients_take_as_much_as_the_weights() -> None:
    planned = plan(llama_shape(6 * 10**9), dtype="int8", mode="full")
    assert planned.gradients == planned.weights


@pytest.mark.parametrize(("optimiser", "gigabytes"), [("adamw", 48), ("adamw8bit", 12)])
def test_optimisers_of_a_6b_model(optimiser: str, gigabytes: float) -> None:
    planned = plan(llama_shape(6 * 10**9), mode="full", optimiser=optimiser)  # type: ignore[arg-type]  # from the table
    assert planned.optimiser * GIB / _GB == pytest.approx(gigabytes)


def test_sgd_keeps_as_much_as_the_weights() -> None:
    planned = plan(llama_shape(6 * 10**9), dtype="fp16", mode="full", optimiser="sgd")
    assert planned.optimiser == planned.weights


def test_activations_of_one_sequence() -> None:
    planned = plan(shape_of(_LLAMA_7B), dtype="int8", mode="full", context=2048, batch=1)
    assert planned.activations * GIB / 1e6 == pytest.approx(990, abs=1)


def test_full_training_of_llama_6b_with_batch_50_fits_80_gigabytes() -> None:
    planned = plan(
        llama_shape(6 * 10**9), dtype="int8", mode="full", batch=50, optimiser="adamw8bit"
    )
    parts = (planned.weights, planned.gradients, planned.optimiser)
    assert [round(part * GIB / _GB) for part in parts] == [6, 6, 12]
    assert planned.cuda_context * GIB / 2**20 == 1343
    assert planned.activations * GIB / _GB == pytest.approx(50 * 0.99, rel=0.001)
    assert planned.total * GIB / _GB == pytest.approx(6 + 6 + 12 + 1.3 + 50 * 0.99, abs=0.2)
    assert planned.total * GIB / _GB < 80


def test_grouped_queries_and_beams_change_the_cache() -> None:
    full = plan(shape_of(_LLAMA_7B), dtype="fp16", context=4096)
    grouped = plan(shape_of(_LLAMA_7B | {"num_key_value_heads": 8}), dtype="fp16", context=4096)
    assert full.kv_cache == 2 * 32 * 4096 * 2 * 4096 / GIB == 2.0
    assert grouped.kv_cache == full.kv_cache / 4
    assert plan(shape_of(_LLAMA_7B), dtype="fp16", context=4096, beams=4).kv_cache == 8.0


def test_lora_trains_the_adapters_only() -> None:
    shape = shape_of(_LLAMA_7B)
    planned = plan(shape, mode="lora", lora_rank=8)
    each = 8 * (4 * (4096 + 4096) + 3 * (4096 + 11008))
    assert planned.trained_parameters == each * 32
    assert planned.gradients < 0.1
    assert planned.weights == pytest.approx(13.04, abs=0.1)


def test_the_parts_make_up_the_total() -> None:
    planned = plan(llama_shape(10**9), mode="full", buffer=0.1)
    parts = planned.weights + planned.gradients + planned.optimiser + planned.kv_cache
    parts += planned.activations + planned.cuda_context
    assert planned.buffer == pytest.approx(0.1 * parts)
    assert planned.total == pytest.approx(1.1 * parts)


def test_a_shape_is_read_from_a_file_and_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(_LLAMA_7B | {"tie_word_embeddings": True}))
    assert read_shape(file) == read_shape(tmp_path)
    assert read_shape(file).parameters == 7_000_559_616 - 64_000 * 4096


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"hidden_size": "wide"}', "\x00"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(InvalidInput):
        read_shape(file)


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_shape(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    "wrong",
    [
        {"context": 0},
        {"batch": -1},
        {"dtype": "fp8"},
        {"mode": "half"},
        {"beams": 0},
        {"buffer": 2},
    ],
)
def test_questions_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        plan(llama_shape(10**9), **wrong)  # type: ignore[arg-type]  # wrong values are the subject


def test_parameters_must_be_positive() -> None:
    with pytest.raises(InvalidInput):
        llama_shape(0)
    with pytest.raises(InvalidInput):
        ModelShape(1, 1, 1, 0, 1, 1, 1)
