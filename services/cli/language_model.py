"""Commands about the language model: will it fit, and training the house model."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from core.errors import InvalidInput
from core.json import line, plain

llm = typer.Typer(no_args_is_help=True, help="The language model that drafts.")


@llm.command("plan")
def plan_memory(
    params: Annotated[str | None, typer.Option(help="number of parameters: 7e9, 6B, 350M")] = None,
    model: Annotated[Path | None, typer.Option(help="config.json or its folder")] = None,
    dtype: Annotated[str, typer.Option(help="fp32, bf16, fp16, int8 or int4")] = "bf16",
    mode: Annotated[str, typer.Option(help="inference, full or lora")] = "inference",
    context: Annotated[int, typer.Option(help="tokens a sequence")] = 2048,
    batch: Annotated[int, typer.Option(help="sequences at once")] = 1,
    optimiser: Annotated[str, typer.Option(help="adamw, adamw8bit or sgd")] = "adamw",
    lora_rank: Annotated[int, typer.Option(help="rank of LoRA adapters")] = 8,
    beams: Annotated[int, typer.Option(help="beams of a beam search")] = 1,
    buffer: Annotated[float, typer.Option(help="share kept for temporaries, 0.1 = 10 %")] = 0.0,
    cuda: Annotated[bool, typer.Option(help="count the CUDA context")] = True,
) -> None:
    """How much memory a model takes, component by component, in GiB (JSON)."""
    from llm.planner import llama_shape, plan, read_shape

    if (params is None) == (model is None):
        raise InvalidInput("give --params N or --model PATH, one of the two")
    shape = read_shape(model) if model else llama_shape(parse_count(params or ""))
    found = plan(
        shape,
        dtype=cast(Any, dtype),  # checked by the planner, which names the choices
        mode=cast(Any, mode),
        context=context,
        batch=batch,
        optimiser=cast(Any, optimiser),
        lora_rank=lora_rank,
        beams=beams,
        buffer=buffer,
        cuda=cuda,
    )
    rounded = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in plain(found).items()
    }
    print(line(rounded))


def parse_count(written: str) -> int:
    """A number of parameters as people write it. Raises InvalidInput."""
    scale = {"K": 10**3, "M": 10**6, "B": 10**9}.get(written[-1:].upper(), 1)
    digits = written[:-1] if scale > 1 else written
    try:
        return round(float(digits.replace("_", "").replace(",", "")) * scale)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{written!r} is no number of parameters", mend="write 7000559616, 7e9 or 7B"
        ) from error


@llm.command("train-house")
def train_house_model(
    run: Annotated[Path, typer.Option(help="folder of the run; an existing one is resumed")],
    weights: Annotated[Path, typer.Option(help="where the model and its card go at the end")] = (
        Path("llm/house/weights")
    ),
    dialogues: Annotated[Path, typer.Option(help="folder of dialogues_*.jsonl")] = Path(
        "llm/house/corpus"
    ),
    clusters: Annotated[Path, typer.Option(help="folder of clusters_*.jsonl")] = Path(
        "encoder/corpus"
    ),
    tokens: Annotated[int, typer.Option(help="tokens to learn from")] = 12_000_000,
    seed: int = 20_260,
    threads: int = 2,
    minutes: Annotated[float | None, typer.Option(help="stop in time with what is there")] = None,
) -> None:
    """Train the house model, then measure it and write its card; interrupt and resume at will."""
    from datetime import timedelta

    from llm.house.publish import publish
    from llm.house.train import train_house

    until = datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None
    state = train_house(
        run, dialogues, clusters, tokens=tokens, seed=seed, threads=threads, until=until
    )
    card = publish(run, weights, dialogues, clusters, threads=threads)
    print(line({"tokens_seen": state.tokens, "held_out": card["held_out"]}))
