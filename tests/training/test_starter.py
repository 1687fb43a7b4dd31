"""The bundled model is what training made: same tokens, same logits, same prompts."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aide_local.basics.files import sha256_of
from aide_local.home import Home
from aide_local.llm.gguf import read_header
from aide_local.llm.registry import bundled_models, list_models
from aide_local.prompts.golden import fingerprint
from models.training.stamp import stamp, tensors_sha256

ROOT = Path(__file__).parents[2]
STARTER = bundled_models() / "starter.gguf"
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))

# In a process of its own: only the model process of the product loads llama.cpp. Loaded as the product does, with its fallback.
_ASK = """
import json, sys
from models.training.compare import copying, logits_after, open_model
texts = json.load(open(sys.argv[2]))
model = open_model(sys.argv[1], threads=2)
for text in texts:
    ids = model.vocabulary.tokenize(text)
    print(json.dumps({"ids": ids, "logits": logits_after(model, ids, len(ids) - 1)[0].tolist()}))
print(json.dumps({str(half): copying(model, half, times=2) for half in (64, 400)}))
"""


@dataclass(frozen=True)
class Answers:
    """Token ids and logits of the texts of the vectors by llama.cpp, and how well it finds random tokens again, by their number."""

    ids: list[list[int]]
    logits: list[list[float]]
    copying: dict[str, float]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    texts = tmp_path_factory.mktemp("vectors") / "texts.json"
    texts.write_text(json.dumps([one["text"] for one in VECTORS]))
    command = [sys.executable, "-c", _ASK, str(STARTER), str(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, last = map(json.loads, done.stdout.splitlines())
    return Answers([one["ids"] for one in lines], [one["logits"] for one in lines], last)


def test_llama_cpp_cuts_text_into_the_tokens_of_training(answers: Answers) -> None:
    assert answers.ids == [one["ids"] for one in VECTORS]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = np.exp(logits - logits.max())
    return raised / float(raised.sum())


def test_llama_cpp_computes_what_pytorch_computed(answers: Answers) -> None:
    """Weights are rounded to 8 bits, so unlikely tokens differ a little; likely ones do not.

    A tensor in another's place, or turned, leaves nothing of the order: the correlation is near 0 then.
    """
    for made, expected in zip(answers.logits, VECTORS, strict=True):
        logits = np.array(made)
        ours, theirs = logits[expected["top"]], np.array(expected["logits"])
        assert np.corrcoef(ours, theirs)[0, 1] > 0.98
        assert np.abs(_softmax(ours) - _softmax(theirs)).max() < 0.1
        assert int(logits.argmax()) == expected["top"][0]


def test_the_starter_finds_again_what_it_has_read(answers: Answers) -> None:
    """Random tokens shown twice are predicted the second time: without that it guesses every value of a plan."""
    assert answers.copying["64"] > 0.9
    assert answers.copying["400"] > 0.7


def test_the_starter_was_trained_on_the_prompts_that_the_product_makes() -> None:
    header = read_header(STARTER)
    assert header.text("aide.prompt_profile") == "starter"
    assert header.text("aide.prompt_fingerprint") == fingerprint("starter"), (
        "a golden prompt says something else (tests/prompts/golden): train the starter again, or take the change back"
    )


def test_the_stamp_changed_no_weight() -> None:
    """The checksum is that of the file as it was exported, before its fingerprint was written anew."""
    assert tensors_sha256(STARTER) == "177fcea8dcdc38cdea10a9af9dab6f4bdd1cd872076f7d620e671d974e7c07d2"


def test_a_stamp_changes_the_fingerprint_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(STARTER.read_bytes().replace(fingerprint("starter").encode(), b"0" * 16))
    stamp(other)
    assert other.read_bytes() == STARTER.read_bytes()


def test_the_registered_checksum_is_the_files(tmp_path: Path) -> None:
    (entry,) = list_models(Home(tmp_path))
    assert entry.sha256 == sha256_of(STARTER)
    assert STARTER.stat().st_size < 40 * 2**20
