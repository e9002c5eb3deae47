"""The house model's training: exercises, packing, tokenizer, steps, resuming, evaluation."""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

import llm.house
from core.errors import ArtifactError
from llm.house.corpus import Corpus, held_out, read_corpus
from llm.house.evaluate import fact_questions, nearest, script_questions
from llm.house.exercises import ExerciseSource, other_figures, quoted
from llm.house.format import CONTROL_TOKENS, QUOTE, STATEMENT_MARKS, house_prompt
from llm.house.packing import Packer, Weights
from llm.house.state import CHECKPOINT, Recipe, TrainingState, start
from llm.house.tokenizer import token_rarity, train_tokenizer
from llm.house.train import train_house

_DIALOGUES = Path(llm.house.__file__).parent / "corpus"


@pytest.fixture(scope="module")
def clusters_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clusters")
    rows = [
        {
            "id": f"c-{number}",
            "zh": [f"运费{number}元", f"邮费要{number}块", f"寄一次{number}块钱"],
            "en": [f"shipping is {number}", f"postage costs {number}", f"{number} to send it"],
            "neg_zh": ["免运费"],
            "neg_en": ["shipping is free"],
        }
        for number in range(40)
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "clusters_test.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def few_dialogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dialogues")
    for name in ("dialogues_zh_finance.jsonl", "dialogues_en_finance.jsonl"):
        lines = (_DIALOGUES / name).read_text(encoding="utf-8").splitlines()
        (folder / name).write_text("\n".join(lines[:40]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(clusters_dir: Path) -> Corpus:
    return read_corpus(_DIALOGUES, clusters_dir)


@pytest.fixture(scope="module")
def small_corpus(few_dialogues: Path, clusters_dir: Path) -> Corpus:
    return read_corpus(few_dialogues, clusters_dir)


def test_about_a_twentieth_is_held_out_and_never_drawn(corpus: Corpus) -> None:
    share = len(corpus.held_out_dialogues) / len(corpus.dialogues)
    assert 0.02 < share < 0.09
    assert not any(held_out(dialogue.id) for dialogue in corpus.dialogues)
    kept = {turn.customer for d in corpus.held_out_dialogues for turn in d.turns}
    kept -= {turn.customer for d in corpus.dialogues for turn in d.turns}
    source = ExerciseSource(corpus, random.Random(1))
    assert not any(source.draw(1.0).customer in kept for _ in range(1_500))


def test_the_same_seed_gives_the_same_exercises(corpus: Corpus) -> None:
    first, second = (ExerciseSource(corpus, random.Random(3)) for _ in range(2))
    assert [first.draw(0.5) for _ in range(200)] == [second.draw(0.5) for _ in range(200)]


def test_an_answer_names_the_statement_it_copies(corpus: Corpus) -> None:
    source = ExerciseSource(corpus, random.Random(5))
    quotes = [e for e in (source.draw(1.0) for _ in range(600)) if e.mode == QUOTE]
    assert len(quotes) > 300
    for exercise in quotes:
        assert exercise.answer == quoted(exercise.language, exercise.statements, exercise.right)
        assert exercise.answer.startswith(STATEMENT_MARKS[exercise.right[0] + 1])
        assert len(exercise.statements) <= 5


def test_early_exercises_have_few_statements(corpus: Corpus) -> None:
    source = ExerciseSource(corpus, random.Random(7))
    assert max(len(source.draw(0.0).statements) for _ in range(300)) <= 3
    assert max(len(source.draw(1.0).statements) for _ in range(300)) >= 4


def test_other_figures_are_the_same_everywhere(corpus: Corpus) -> None:
    source = ExerciseSource(corpus, random.Random(11))
    for _ in range(400):
        exercise = source.draw(1.0)
        if exercise.mode != QUOTE or not any(c.isdigit() for c in exercise.answer[5:]):
            continue
        changed = other_figures(exercise, random.Random(2))
        expected = quoted(changed.language, changed.statements, changed.right)
        assert changed.answer == expected
        assert [len(s) for s in changed.statements] == [len(s) for s in exercise.statements]


def test_a_folder_without_dialogues_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="dialogues"):
        read_corpus(tmp_path, tmp_path)


def test_the_tokenizer_keeps_every_text(small_corpus: Corpus) -> None:
    tokenizer = train_tokenizer(small_corpus, 2_000)
    for text in ("保费1280元，龘龘😬", "It's £9.50 a month", "<0x41> <s>", "naïve ﬁ\u3000x"):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text
    for token in CONTROL_TOKENS:
        assert len(tokenizer.encode(token, add_special_tokens=False)) == 1
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("128")) == ["1", "2", "8"]


def test_packed_exercises_do_not_see_each_other() -> None:
    rng = random.Random(0)
    packer = Packer(
        lambda: (list(range(10, 10 + rng.randint(4, 9))), 3), rng, 2, 32, 40, Weights(0.25, 8.0)
    )
    batch = packer.next()
    assert batch.used > 52
    for row in range(2):
        starts = (batch.positions[row] == 0).nonzero().flatten().tolist()
        for begin in starts[1:]:
            assert not batch.mask[row, 0, begin:, :begin].any()
    flat = batch.ids.flatten()
    kept = batch.weights > 0
    assert bool((batch.targets[kept] == flat[batch.places[kept] + 1]).all())
    assert bool((batch.targets[kept] == flat[batch.places[kept]] + 1).all())


@pytest.fixture(scope="module")
def untrained(small_corpus: Corpus) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    torch.manual_seed(1)
    tokenizer = train_tokenizer(small_corpus, 2_600)
    state = start(Recipe(tokens=1), len(tokenizer), token_rarity(tokenizer, small_corpus))
    state.model.train(False)
    torch.nn.Module.to(state.model, torch.float32)
    return tokenizer, state.model


def test_the_planted_circuit_copies_before_any_training(
    untrained: tuple[PreTrainedTokenizerFast, LlamaForCausalLM],
) -> None:
    _, model = untrained
    ids = torch.randperm(1_900)[:40] + 400
    with torch.no_grad():
        logits = model(torch.cat([ids, ids[:30]])[None]).logits[0, 45:69]
    # Tied embeddings make the token itself likelier still; training unlearns that at once.
    logits.scatter_(1, ids[5:29, None], float("-inf"))
    expected = logits.argsort(dim=-1, descending=True)[:, :3] == ids[6:30, None]
    assert float(expected.any(dim=-1).float().mean()) > 0.4


def test_the_planted_circuit_picks_before_any_training(
    untrained: tuple[PreTrainedTokenizerFast, LlamaForCausalLM], small_corpus: Corpus
) -> None:
    tokenizer, model = untrained
    marks = tokenizer.convert_tokens_to_ids(list(STATEMENT_MARKS[1:4]))
    hits = 0
    for number, dialogue in enumerate(small_corpus.dialogues[:30]):
        right = number % 3
        prompt = house_prompt(dialogue.language, dialogue.facts[:3], dialogue.facts[right])
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        with torch.no_grad():
            hits += int(model(torch.tensor([ids])).logits[0, -1, marks].argmax()) == right
    assert hits >= 24


def _small(tokens: int) -> Recipe:
    return Recipe(
        tokens=tokens, vocabulary=1_800, width=192, layers=3, heads=3, inner=96, rows=1, length=192
    )


def test_training_resumes_where_it_stopped(
    tmp_path: Path, few_dialogues: Path, clusters_dir: Path
) -> None:
    def train(folder: str, tokens: int) -> TrainingState:
        return train_house(
            tmp_path / folder,
            few_dialogues,
            clusters_dir,
            tokens=tokens,
            compiled=False,
            recipe=_small(tokens),
        )

    whole = train("a", 1_400)
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("*.pt"))
    again = train("b", 1_400)
    assert whole.steps == again.steps == 4
    assert all(torch.equal(x, y) for x, y in zip(whole.master, again.master, strict=True))
    more = train("a", 2_500)
    assert more.steps == 7
    assert more.loss != whole.loss
    stored = torch.load(tmp_path / "a" / CHECKPOINT, weights_only=True)
    assert stored["counters"][:2] == (more.tokens, 7)
    assert AutoTokenizer.from_pretrained(tmp_path / "a").eos_token == "<|end|>"


def test_questions_for_evaluation_are_held_out(corpus: Corpus) -> None:
    facts, scripts = fact_questions(corpus), script_questions(corpus)
    assert len(scripts) == sum(len(d.turns) for d in corpus.held_out_dialogues)
    assert 0 < len(facts) < len(scripts)
    for question in (*facts, *scripts):
        assert question.right
        assert len(question.statements) <= 7


def test_nearest_counts_shared_bigrams() -> None:
    assert nearest("退款七天到账", ("运费十元", "退款在七天内到账")) == 1
    assert nearest("xyz", ("运费十元",)) == -1
