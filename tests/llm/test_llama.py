"""The model process on a real, if senseless, GGUF."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aide_local.errors import Cancelled, ModelError
from aide_local.evaluate.reported import REVIEW_SCHEMA, read_review
from aide_local.llm.grammar import json_schema_grammar
from aide_local.llm.llama import LlamaModel
from aide_local.llm.registry import bundled_models
from aide_local.types import Generation, Message, Sampling
from models.training.corpus.examples import Example, generate
from tests.llm.tiny import make_gguf

LONG = "a long prompt about rmse and größe. " * 60


def whole(
    model: LlamaModel, prompt: str, *, seed: int = 1, temperature: float = 1.0, tokens: int = 60
) -> Generation:
    *_, last = model.generate(prompt, Sampling(seed, temperature=temperature, max_tokens=tokens))
    assert last.generation is not None
    return last.generation


def test_the_stream_adds_up_to_the_reply(model: LlamaModel) -> None:
    chunks = list(model.generate("import", Sampling(3, temperature=1.0, max_tokens=200)))
    generation = chunks[-1].generation
    assert generation is not None
    assert "".join(chunk.text for chunk in chunks) == generation.text
    assert generation.completion_tokens <= 200
    assert all(chunk.generation is None for chunk in chunks[:-1])


def test_characters_of_several_tokens_arrive_whole(model: LlamaModel) -> None:
    # A random model writes mostly bytes that are no text; each must come as one replacement, never as a crash.
    for seed in range(5):
        chunks = list(model.generate("☃", Sampling(seed, temperature=2.0, max_tokens=100)))
        assert "".join(chunk.text for chunk in chunks).encode("utf-8", "strict")


def test_the_same_seed_gives_the_same_reply_and_another_seed_another(model: LlamaModel) -> None:
    assert whole(model, "model", seed=5).text == whole(model, "model", seed=5).text
    assert len({whole(model, "model", seed=seed).text for seed in range(8)}) == 8


def test_what_a_file_recommends_for_sampling_is_followed_but_for_the_temperature(model: LlamaModel) -> None:
    asked = Sampling(1, temperature=0.3)
    assert model.info.follow_recommendations(asked) == asked
    metadata = {"general.sampling.min_p": "0.4", "general.sampling.top_k": "5", "general.sampling.temp": "2"}
    info = replace(model.info, metadata=metadata)
    assert info.follow_recommendations(asked) == replace(asked, min_p=0.4, top_k=5)


def test_a_shared_beginning_is_not_computed_twice(fresh: LlamaModel) -> None:
    first = whole(fresh, LONG + "one")
    second = whole(fresh, LONG + "two")
    assert first.cached_tokens == 0
    assert second.cached_tokens > 0.5 * (second.prompt_tokens + second.cached_tokens)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_reply_does_not_depend_on_what_was_generated_before(tiny: Path, temperature: float) -> None:
    fresh = LlamaModel(tiny, threads=1)
    try:
        alone = whole(fresh, LONG + "two", temperature=temperature)
    finally:
        fresh.close()
    used = LlamaModel(tiny, threads=1)
    try:
        whole(used, LONG + "one", seed=9)
        after = whole(used, LONG + "two", temperature=temperature)
    finally:
        used.close()
    assert after.cached_tokens > 0
    assert after.text == alone.text


@pytest.fixture(scope="module")
def starters() -> Iterator[tuple[LlamaModel, LlamaModel]]:
    """Yield the starter twice: with guesses, and without."""
    made = [
        LlamaModel(bundled_models() / "starter.gguf", threads=1, lookup=lookup) for lookup in (True, False)
    ]
    yield made[0], made[1]
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def improvement() -> Example:
    return next(example for example in generate(1) if example.operator == "improve")


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_what_is_guessed_from_the_prompt_changes_no_token(
    starters: tuple[LlamaModel, LlamaModel], improvement: Example, temperature: float
) -> None:
    reply = improvement.reply
    made = []
    for starter in starters:
        prompt = starter.render(improvement.messages) + reply[: len(reply) // 2]
        made.append(whole(starter, prompt, temperature=temperature, tokens=200))
    guessing, plain = made
    assert guessing.text == plain.text
    assert guessing.completion_tokens == plain.completion_tokens
    assert guessing.speculated_tokens > 20
    assert plain.speculated_tokens == 0


def test_a_reply_under_a_grammar_is_not_guessed(model: LlamaModel) -> None:
    sampling = Sampling(1, temperature=1.0, max_tokens=60)
    *_, last = model.generate("aaaa aaaa aaaa aaaa", sampling, grammar='root ::= "aaaa "+')
    assert last.generation is not None
    assert last.generation.speculated_tokens == 0


def test_a_generation_is_cancelled_between_tokens(fresh: LlamaModel) -> None:
    stream = fresh.generate("x", Sampling(1, temperature=1.0, max_tokens=1500))
    next(stream)
    fresh.cancel()
    with pytest.raises(Cancelled):
        for _ in stream:
            pass
    assert whole(fresh, "x").text  # and the model goes on


def test_leaving_a_stream_early_leaves_the_model_usable(model: LlamaModel) -> None:
    stream = model.generate("x", Sampling(1, temperature=1.0, max_tokens=1500))
    next(stream)
    assert isinstance(stream, Generator)
    stream.close()
    assert whole(model, "model", seed=5).text == whole(model, "model", seed=5).text


def test_a_process_killed_in_mid_generation_is_replaced_and_the_reply_repeated(fresh: LlamaModel) -> None:
    expected = whole(fresh, "model", seed=5, tokens=400)
    pid = fresh.pid
    text = ""
    restarts = 0
    for number, chunk in enumerate(fresh.generate("model", Sampling(5, temperature=1.0, max_tokens=400))):
        if number == 0:
            os.kill(pid, signal.SIGKILL)
        if chunk.restart:
            text, restarts = "", restarts + 1
        text += chunk.text
    assert restarts == 1
    assert fresh.pid != pid
    assert text == expected.text


def test_a_process_that_keeps_dying_is_an_error(fresh: LlamaModel) -> None:
    def kill() -> None:
        while not done.is_set():
            fresh._process.kill(fresh._process.pid)
            time.sleep(0.01)

    done = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(ModelError):
            whole(fresh, LONG, tokens=1500)
    finally:
        done.set()
        killer.join()


def test_the_model_process_ends_with_its_parent(tiny: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from aide_local.llm.llama import LlamaModel\n"
        f"e = LlamaModel(Path({str(tiny)!r}), threads=1); print(e.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_closing_twice_is_fine_and_leaves_no_process(tiny: Path) -> None:
    made = LlamaModel(tiny, threads=1)
    pid = made.pid
    made.close()
    made.close()
    assert not psutil.pid_exists(pid)


def test_a_reply_under_a_grammar_is_of_the_schema(model: LlamaModel) -> None:
    grammar = json_schema_grammar(REVIEW_SCHEMA)
    for seed in range(3):
        *_, last = model.generate("review", Sampling(seed, temperature=1.5, max_tokens=1500), grammar=grammar)
        assert last.generation is not None
        assert last.generation.finish == "stop"
        read_review(last.generation.text)


def test_an_enumeration_and_a_list_follow_their_schema(model: LlamaModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "state": {"enum": ["good", 'b"ad']},
            "folds": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["state", "folds"],
    }
    *_, last = model.generate(
        "x", Sampling(2, temperature=1.0, max_tokens=1500), grammar=json_schema_grammar(schema)
    )
    assert last.generation is not None
    found = json.loads(last.generation.text)
    assert found["state"] in ("good", 'b"ad')
    assert isinstance(found["folds"], list)


def test_an_invalid_grammar_is_an_error_and_the_process_lives(model: LlamaModel) -> None:
    pid = model.pid
    with pytest.raises(ModelError, match="grammar"):
        list(model.generate("x", Sampling(1), grammar="root ::= ("))
    assert whole(model, "x").text
    assert model.pid == pid


def test_a_prompt_longer_than_the_context_is_an_error(tiny: Path) -> None:
    small = LlamaModel(tiny, n_ctx=256, threads=1)
    try:
        with pytest.raises(ModelError, match="tokens"):
            whole(small, LONG)
    finally:
        small.close()


def test_a_stop_string_ends_the_reply_before_it(model: LlamaModel) -> None:
    free = whole(model, "model", seed=5, tokens=300).text
    stop = free[40:43]
    *_, last = model.generate("model", Sampling(5, temperature=1.0, max_tokens=300, stop=(stop,)))
    assert last.generation is not None
    assert last.generation.text == free[: free.index(stop)]


def test_messages_are_rendered_by_the_model_s_own_template(model: LlamaModel) -> None:
    prompt = model.render([Message("system", "S"), Message("user", "U")])
    assert prompt == "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\n"
    assert model.count("<|end|>") == 1


def test_a_template_that_refuses_the_system_role_gets_it_in_the_first_message(tmp_path: Path) -> None:
    refusing = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    made = LlamaModel(make_gguf(tmp_path / "refusing.gguf", template=refusing), threads=1)
    try:
        assert made.render([Message("system", "S"), Message("user", "U")]) == "[user]S\n\nU"
    finally:
        made.close()


def test_an_unknown_architecture_is_reported_as_such(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "odd.gguf", architecture="unheard-of")
    with pytest.raises(ModelError, match="unheard-of"):
        LlamaModel(path, threads=1)
