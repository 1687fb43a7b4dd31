"""Export a checkpoint to a GGUF file that llama.cpp runs, with its checksum in the registry.

    python -m models.training.export --type q8_0

writes ``models/starter.gguf``, ``models/registry.toml`` and the vectors that the parity test compares. The
averaged weights are exported; with ``--average-with`` the mean of those of several trainings of one
descent (model soups, Wortsman et al., 2022). Metadata says what the model is and which prompts it was trained on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from aide_local.prompts.golden import fingerprint
from models.training.corpus.examples import VERSION
from models.training.model import CONTEXT, HEAD, NORM_EPSILON, ROPE_BASE, Llama, Shape, rotary_divisors
from models.training.register import DESCRIPTION, LICENCE, register
from models.training.tokenizer import END, PAD, PRE, SPECIAL, TEMPLATE, Encoder
from models.training.train import WORK

MODELS = Path(__file__).parent.parent
NAME = "aide-local starter"
MIN_P = 0.3  # code is a function of the plan, so what is unlikely there is a slip; in a plan, likely things are many
TYPES = {"f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}


def load(work: Path, others: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the state of a training, its weights the mean with those of the others.

    Raises:
        ValueError: another has other shapes.
    """
    state, *rest = (
        torch.load(one / "checkpoint.pt", map_location="cpu", weights_only=True) for one in (work, *others)
    )
    for one, other in zip(others, rest, strict=True):
        if other["shape"] != state["shape"]:
            raise ValueError(f"{one} holds a model of other shapes: {other['shape']}, not {state['shape']}")
    state["average"] = {
        name: torch.stack([values.float(), *(other["average"][name].float() for other in rest)]).mean(0)
        for name, values in state["average"].items()
    }
    state["averaged"] = len(rest)
    return dict(state)


def export(state: dict[str, Any], target: Path, kind: str) -> None:
    """Write ``target`` whole or not at all."""
    shape = Shape(**state["shape"])
    tokenizer = Tokenizer.from_str(state["tokenizer"])
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    _describe(writer, state, kind)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.depth)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(shape.vocabulary)
    _tokenizer(writer, tokenizer)
    writer.add_tensor("rope_freqs.weight", rotary_divisors().numpy())
    for name, values in state["average"].items():
        array = values.float().numpy()
        if array.ndim < 2:
            writer.add_tensor(name, array.astype(np.float32))
        else:
            writer.add_tensor(name, gguf.quantize(array, TYPES[kind]), raw_dtype=TYPES[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)


def _describe(writer: gguf.GGUFWriter, state: dict[str, Any], kind: str) -> None:
    step, seconds, tokens, reply_tokens, _ = state["counters"]
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=MODELS
    )
    writer.add_name(NAME)
    writer.add_license(LICENCE)
    writer.add_description(DESCRIPTION)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if kind == "q8_0" else gguf.LlamaFileType.MOSTLY_F16)
    writer.add_sampling_min_p(MIN_P)
    writer.add_string("aide.prompt_profile", "starter")
    writer.add_string("aide.prompt_fingerprint", fingerprint("starter"))
    writer.add_uint32("aide.corpus_version", VERSION)
    writer.add_string("aide.git_revision", revision.stdout.strip())
    here = f"{step} steps, {tokens} tokens ({reply_tokens} of replies), {seconds / 60:.0f} minutes"
    earlier = state["plan"]["earlier"]
    if state["averaged"]:
        here += f", averaged with the weights of {state['averaged']} other"
    writer.add_string("aide.training", f"{earlier}; then {here}" if earlier else here)


def _tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE)
    writer.add_token_list(tokens)
    control = gguf.TokenType.CONTROL
    writer.add_token_types([control if token in SPECIAL else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(vocabulary[END])
    writer.add_pad_token_id(vocabulary[PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE.read_text("utf-8"))


def write_vectors(state: dict[str, Any], target: Path, prompts: int = 6) -> None:
    """Write prompts with their token ids and PyTorch's logits after the last one, for the parity test.

    Only the 40 largest logits are kept, with their ids.
    """
    from itertools import islice

    from models.training.corpus.examples import generate

    model = Llama(Shape(**state["shape"]))
    model.load_state_dict(state["average"], strict=False)
    encoder = Encoder(Tokenizer.from_str(state["tokenizer"]))
    vectors = []
    with torch.no_grad():
        for number, example in enumerate(islice(generate(4321), prompts)):
            text = encoder.render(example.messages) + example.reply[: 40 * number]
            ids = encoder.ids(text)
            logits = model.logits(model(torch.tensor([ids]))[0, -1])
            top = torch.topk(logits, 40)
            vectors.append(
                {
                    "text": text,
                    "ids": ids,
                    "top": top.indices.tolist(),
                    "logits": [round(value, 4) for value in top.values.tolist()],
                }
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(vectors, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument(
        "--average-with",
        type=Path,
        nargs="+",
        default=[],
        help="folders of other trainings: of the weights this one began with, or from the same",
    )
    parser.add_argument("--to", type=Path, default=MODELS / "starter.gguf")
    parser.add_argument("--type", choices=TYPES, default="q8_0")
    parser.add_argument("--vectors", type=Path, default=MODELS.parent / "tests" / "training" / "vectors.json")
    given = parser.parse_args()
    state = load(given.work, given.average_with)
    export(state, given.to, given.type)
    register(given.to)
    write_vectors(state, given.vectors)
    print(f"{given.to}: {given.to.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
