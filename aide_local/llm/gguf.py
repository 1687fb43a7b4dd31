"""What a GGUF file says of itself: its metadata and tensors, read without loading the model.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (little-endian; versions 2 and 3).
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aide_local.errors import ModelError

COPY_AGAIN = "Copy the file again and compare its checksum with the original's."
_MAGIC = b"GGUF"
_MAX_STRING = 1 << 26  # bytes; a longer one means that the header is damaged
_MAX_COUNT = 1 << 26  # tensors, metadata keys or array elements
_MAX_DEPTH = 4  # arrays within arrays

# GGUF value type -> struct format; 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

# ggml tensor type -> (elements of a block, bytes of a block), from ggml.h and ggml-common.h.
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 40),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
    40: (64, 36),  # NVFP4
    41: (128, 18),  # Q1_0
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """``shape`` is innermost first, as stored; ``offset`` counts from ``Header.data_start``."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int | None:
        """None where the type is newer than our table: llama.cpp then has the say."""
        block = _BLOCKS.get(self.type)
        return None if block is None else -(-self.elements // block[0]) * block[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """``size`` and ``data_start`` in bytes; metadata arrays are lists."""

    path: Path
    version: int
    metadata: dict[str, object]
    tensors: tuple[TensorInfo, ...]
    data_start: int
    size: int

    @property
    def n_tensors(self) -> int:
        return len(self.tensors)

    @property
    def n_params(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        return str(self.metadata.get("general.name", "") or self.path.stem)

    @property
    def n_ctx_train(self) -> int:
        """Tokens of context that the model was trained for; 0 where the file does not say."""
        found = self.metadata.get(f"{self.architecture}.context_length", 0)
        return found if isinstance(found, int) else 0

    @property
    def chat_template(self) -> str | None:
        found = self.metadata.get("tokenizer.chat_template")
        return found if isinstance(found, str) and found.strip() else None

    def text_metadata(self) -> dict[str, str]:
        """The metadata as text, without the arrays (a vocabulary is not for people)."""
        return {key: _text(value) for key, value in self.metadata.items() if not isinstance(value, list)}


def read_header(path: Path) -> Header:
    """Read and check the header: magic, version, and that the file holds all the tensors it names.

    Raises:
        ModelError: there is no such file, it is not a GGUF, or it is damaged or truncated.
    """
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            _check_magic(path, stream.read(512), size)
            stream.seek(0)
            header = _Reader(path, stream, size).header()
    except FileNotFoundError:
        raise ModelError(
            f"There is no model file {path}.",
            "Name a GGUF file, or one of the models that `aide-local models list` shows.",
        ) from None
    except IsADirectoryError:
        raise ModelError(f"{path} is a folder, not a model file.", "Name the GGUF file in it.") from None
    except OSError as error:
        raise ModelError(
            f"The model file {path} cannot be read: {error.strerror}.", "Check its permissions and its disk."
        ) from None
    _check_length(header)
    return header


def _check_magic(path: Path, start: bytes, size: int) -> None:
    if size == 0:
        raise ModelError(f"The model file {path} is empty.", COPY_AGAIN)
    if start.startswith(_MAGIC):
        return
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(
            f"{path} is a Git LFS pointer, not the model itself.",
            "Fetch the file with `git lfs pull`, or copy it again.",
        )
    if _is_text(start):
        shown = " ".join(start.decode("utf-8", "replace").split())[:60]
        raise ModelError(
            f"{path} is a text file, not a GGUF model; it begins {shown!r}.",
            "A web page or a note may have been saved in its place: copy the model file again.",
        )
    raise ModelError(
        f"{path} is not a GGUF model: it begins with {start[:4]!r} instead of {_MAGIC!r}.",
        "Name a model in GGUF form; models in other forms are converted with llama.cpp's tools.",
    )


def _is_text(start: bytes) -> bool:
    return b"\0" not in start and sum(byte < 32 and byte not in b"\t\n\r\f" for byte in start) == 0


def _check_length(header: Header) -> None:
    # A part of a split model names all keys, but only its own tensors: the rule holds for it too.
    if header.n_tensors == 0:
        raise ModelError(
            f"The model file {header.path} holds no tensors, only a vocabulary.",
            "Name the file with the weights.",
        )
    ends = [tensor.offset + tensor.nbytes for tensor in header.tensors if tensor.nbytes is not None]
    needed = header.data_start + max(ends, default=0)
    if header.size < needed:
        raise ModelError(
            f"The model file {header.path} is truncated: {header.size:,} bytes of at least {needed:,}.",
            COPY_AGAIN,
        )


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class _Reader:
    """Reads forward through one header; every length is checked before memory is asked for it."""

    def __init__(self, path: Path, stream: BinaryIO, size: int) -> None:
        self._path = path
        self._stream = stream
        self._size = size

    def header(self) -> Header:
        self._take(len(_MAGIC))
        version = self._int("I")
        if version not in (2, 3):
            big_endian = version in (2 << 24, 3 << 24)
            raise ModelError(
                f"The model file {self._path} is GGUF version {version}; versions 2 and 3 can be read."
                if not big_endian
                else f"The model file {self._path} is a big-endian GGUF, made for another kind of machine.",
                "Convert the model again with a current llama.cpp.",
            )
        n_tensors, n_keys = self._count("tensors"), self._count("metadata keys")
        metadata = {}
        for _ in range(n_keys):
            key = self._string()
            metadata[key] = self._value(self._int("I"), 0)
        tensors = tuple(self._tensor() for _ in range(n_tensors))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0:
            raise self._damaged(f"its alignment is {alignment!r}")
        start = -(-self._stream.tell() // alignment) * alignment
        return Header(
            path=self._path,
            version=version,
            metadata=metadata,
            tensors=tensors,
            data_start=start,
            size=self._size,
        )

    def _tensor(self) -> TensorInfo:
        name, dimensions = self._string(), self._int("I")
        if dimensions > 8:
            raise self._damaged(f"tensor {name!r} has {dimensions} dimensions")
        shape = tuple(self._int("Q") for _ in range(dimensions))
        return TensorInfo(name, shape, self._int("I"), self._int("Q"))

    def _value(self, kind: int, depth: int) -> object:
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY and depth < _MAX_DEPTH:
            element, length = self._int("I"), self._count("elements of an array")
            if element in _SCALARS:
                form = f"<{length}{_SCALARS[element]}"
                return list(struct.unpack(form, self._take(struct.calcsize(form))))
            return [self._value(element, depth + 1) for _ in range(length)]
        raise self._damaged(f"a metadata value is of the unknown type {kind}")

    def _string(self) -> str:
        length = self._int("Q")
        if length > _MAX_STRING:
            raise self._damaged(f"a name or text in its header is {length:,} bytes long")
        return self._take(length).decode("utf-8", "replace")

    def _count(self, what: str) -> int:
        count = self._int("Q")
        if count > _MAX_COUNT:
            raise self._damaged(f"its header claims {count:,} {what}")
        return count

    def _int(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> int | float | bool:
        (value,) = struct.unpack(f"<{form}", self._take(struct.calcsize(f"<{form}")))
        assert isinstance(value, int | float | bool)
        return value

    def _take(self, length: int) -> bytes:
        if length > self._size - self._stream.tell():
            raise ModelError(
                f"The model file {self._path} is truncated: it ends within its header, after"
                f" {self._size:,} bytes.",
                COPY_AGAIN,
            )
        return self._stream.read(length)

    def _damaged(self, why: str) -> ModelError:
        return ModelError(f"The model file {self._path} is damaged: {why}.", COPY_AGAIN)
