"""Write the fingerprint of today's prompts into a model file, in place; not a byte of its weights changes.

    python -m models.training.stamp models/starter.gguf

For when the golden prompts (:mod:`aide_local.prompts.golden`) cover more than before while every prompt still says
what the model was trained on. When a prompt says something else, train the model again instead.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import gguf

from aide_local.prompts.golden import fingerprint
from models.training.register import register

KEY = "aide.prompt_fingerprint"


def stamp(model: Path) -> None:
    """Replace the fingerprint by that of the profile that the file names.

    Raises:
        ValueError: the file has no fingerprint of the same length.
    """
    reader = gguf.GGUFReader(model, "r+")
    field, profile = reader.get_field(KEY), reader.get_field("aide.prompt_profile")
    if field is None or profile is None:
        raise ValueError(f"{model} was not trained on our prompts: it lacks {KEY} or its profile.")
    text = fingerprint(profile.contents()).encode()
    place = field.parts[field.data[0]]
    if len(place) != len(text):
        raise ValueError(f"{model} has a fingerprint of {len(place)} characters, not {len(text)}.")
    place[:] = list(text)
    reader.data.flush()


def tensors_sha256(model: Path) -> str:
    """Return the checksum of all weights: names, shapes, types and bytes, in the order of the file."""
    digest = hashlib.sha256()
    for tensor in gguf.GGUFReader(model).tensors:
        digest.update(f"{tensor.name} {list(map(int, tensor.shape))} {tensor.tensor_type.name}\n".encode())
        digest.update(tensor.data.tobytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    stamp(given.model)
    register(given.model)
    print(f"{given.model}: weights {tensors_sha256(given.model)}")


if __name__ == "__main__":
    main()
