"""Read the header of a GGUF file: its metadata and whether all of its tensors are there.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
llama.cpp refuses a file with a wrong magic or a short end in words for developers; the messages here say what is wrong
with the file and what to do. Block sizes of tensor types come from the ``gguf`` library.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aide_local.errors import ModelError

_MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST_LIST = 64  # elements of an array that are kept; vocabularies are skipped


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file of ``size`` bytes. ``metadata`` holds scalars, texts and short lists; long lists are left out."""

    version: int
    metadata: dict[str, object]
    tensors: int
    parameters: int
    size: int
    types: dict[int, int] = field(default_factory=dict)  # ggml type -> number of tensors

    def text(self, key: str, default: str = "") -> str:
        value = self.metadata.get(key)
        return default if value is None else str(value)

    @property
    def architecture(self) -> str:
        return self.text("general.architecture", "unknown")

    @property
    def n_ctx_train(self) -> int:
        value = self.metadata.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) else 0

    def _number(self, key: str, default: int = 0) -> int:
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) else default

    def cache_size(self, n_ctx: int) -> int:
        """Return the bytes of the key and value cache for a context of ``n_ctx`` tokens, in 16 bits as llama.cpp has it by default.

        Zero if the header does not say enough: models without attention, or with different layers.
        """
        heads = self._number("attention.head_count")
        if not heads:
            return 0
        width = self._number("embedding_length") // heads
        lengths = self._number("attention.key_length", width) + self._number("attention.value_length", width)
        return (
            2 * n_ctx * self._number("block_count") * self._number("attention.head_count_kv", heads) * lengths
        )


def read_header(path: Path) -> Header:
    """Read and check the header.

    Raises:
        ModelError: the file is absent, not GGUF, of an unknown version, or shorter than its tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise ModelError(
            f"The model file {path} cannot be read: {error.strerror or error}.",
            "Give --model the path of a GGUF file, or a name that `aide-local models list` shows.",
        ) from error
    except (struct.error, EOFError, MemoryError) as error:
        raise _truncated(path) from error


def _truncated(path: Path, missing: str = "it ends within its header") -> ModelError:
    return ModelError(
        f"The model file {path} is truncated: {missing}.",
        "Copy it again and compare its size or checksum with the source's.",
    )


def _read(file: BinaryIO, path: Path) -> Header:
    size = path.stat().st_size
    magic = file.read(4)
    if magic != _MAGIC:
        raise _not_gguf(path, magic + file.read(252), size)
    (version,) = _unpack(file, "I")
    if version not in (2, 3):
        raise ModelError(
            f"The model file {path} is GGUF version {version}; versions 2 and 3 are known.",
            "Convert it with a current llama.cpp, or update aide-local.",
        )
    tensors, pairs = _unpack(file, "QQ")
    if tensors > 1_000_000 or pairs > 1_000_000:
        raise ModelError(
            f"The model file {path} is damaged: it claims {tensors} tensors and {pairs} keys.",
            "Copy it again.",
        )
    metadata: dict[str, object] = {}
    for _ in range(pairs):
        key = _string(file)
        (kind,) = _unpack(file, "I")
        value = _value(file, kind, size)
        if value is not None:
            metadata[key] = value
    return _tensors(file, path, size, version, tensors, metadata)


def _tensors(
    file: BinaryIO, path: Path, size: int, version: int, count: int, metadata: dict[str, object]
) -> Header:
    from gguf import GGML_QUANT_SIZES  # loads numpy; `aide-local --help` does without

    blocks = {int(kind): size for kind, size in GGML_QUANT_SIZES.items()}  # elements and bytes of a block
    end = parameters = 0
    types: dict[int, int] = {}
    for _ in range(count):
        _string(file)
        (dimensions,) = _unpack(file, "I")
        if dimensions > 8:
            raise ModelError(
                f"The model file {path} is damaged: a tensor with {dimensions} dimensions.", "Copy it again."
            )
        shape = _unpack(file, "Q" * dimensions)
        kind, offset = _unpack(file, "IQ")
        elements = 1
        for length in shape:
            elements *= length
        parameters += elements
        types[kind] = types.get(kind, 0) + 1
        if kind in blocks:
            block, width = blocks[kind]
            end = max(end, offset + elements // block * width)
    alignment = metadata.get("general.alignment", 32)
    step = alignment if isinstance(alignment, int) and alignment > 0 else 32
    start = -(-file.tell() // step) * step
    if start + end > size:
        raise _truncated(path, f"it has {size:,} bytes, its tensors need {start + end:,}")
    return Header(version, metadata, count, parameters, size, types)


def _not_gguf(path: Path, head: bytes, size: int) -> ModelError:
    if not head:
        what = "it is empty"
    elif head.startswith(b"version https://git-lfs"):
        what = "it is a Git LFS pointer, not the file itself"
    elif head.startswith(b"PK"):
        what = "it is a ZIP archive or a PyTorch checkpoint"
    elif b"\0" not in head and all(byte >= 9 for byte in head):
        what = f"it is a text file that begins with {head[:40].decode('utf-8', 'replace')!r}"
    else:
        what = f"its first bytes are {head[:4]!r}, not {_MAGIC!r}"
    return ModelError(
        f"{path} is not a GGUF model: {what} ({size:,} bytes).",
        "Give --model a file that ends in .gguf; Safetensors are converted with llama.cpp's convert_hf_to_gguf.py.",
    )


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    content = file.read(struct.calcsize("<" + form))
    return struct.unpack("<" + form, content)


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    if length > 64 * 2**20:
        raise EOFError
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return content.decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int, size: int) -> object:
    if kind in _SCALARS:
        return _unpack(file, _SCALARS[kind])[0]
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        raise EOFError
    (inner,) = _unpack(file, "I")
    (length,) = _unpack(file, "Q")
    if length > size:
        raise EOFError
    if inner in _SCALARS and length > _LONGEST_LIST:
        file.seek(length * struct.calcsize("<" + _SCALARS[inner]), 1)
        return None
    values: list[object] = []
    for _ in range(length):
        value = _value(file, inner, size)
        if len(values) < _LONGEST_LIST:
            values.append(value)
    return values if length <= _LONGEST_LIST else None
