"""Files of tensors and JSON: safetensors, no pickle.

A file is written aside, synced and renamed, so that one that is there is whole.
A checksum tells one that rotted since.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ddpm.system.outputs import written_aside
from sprites import files

FORMAT = "ddpm-sprites 2"
MAX_HEADER = 2**24  # bytes


def checksum(tensors: Mapping[str, Tensor], metadata: Any) -> str:
    """BLAKE2b of JSON metadata and of the names, types, shapes and bytes of contiguous CPU tensors."""
    digest = blake2b(json.dumps(metadata).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and JSON metadata so that `path` is either the old file or the whole new one, even if the power
    fails. The same content gives the same bytes."""
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    # One entry only: safetensors writes several in an order of chance.
    header = json.dumps({"format": FORMAT, "checksum": checksum(contiguous, metadata), "about": metadata})
    with written_aside(path) as aside:
        # Not by safetensors' own save_file, whose temporary file would stay behind if this process were killed.
        aside.write_bytes(save(contiguous, {"header": header}))
        sync(aside)
    with contextlib.suppress(OSError):  # not every file system can sync a folder, nor can Windows
        sync(path.parent)


def read_safetensors(
    path: Path, check: Callable[[Mapping[str, Tensor], dict[str, Any]], object] = lambda tensors, metadata: None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that `write_safetensors` wrote. Raises ValueError for any other file, and OSError
    if it cannot be read at all. `check` may refuse them by a ValueError before their values are read."""
    files.check_file(path)  # or a pipe would be waited for
    with open(path, "rb") as start:
        if int.from_bytes(start.read(8), "little") > MAX_HEADER:
            raise ValueError(f"cannot read {path}: not a safetensors file, or its header is too long")
    try:
        with safe_open(path, framework="pt") as f:
            header = header_of(f.metadata() or {})
            ours = header.get("format") == FORMAT
            # Views of the file, which take no memory until they are read.
            tensors = {name: f.get_tensor(name) for name in f.keys()} if ours else {}  # noqa: SIM118
    except (SafetensorError, RuntimeError) as e:  # the second when there is not the memory for so large a file
        raise ValueError(f"cannot read {path}: not a whole safetensors file, or too large ({str(e)[:200]})") from e
    if not ours:
        raise ValueError(f"{path} is no file of this version of the project: its header has no format {FORMAT!r}")
    metadata = header.get("about")
    if not isinstance(metadata, dict):
        raise ValueError(f"cannot read {path}: its header describes nothing")
    try:
        check(tensors, metadata)
        whole = checksum(tensors, metadata) == header.get("checksum")
    except RecursionError as e:
        raise ValueError(f"cannot read {path}: its header is nested too deeply") from e
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e
    if not whole:
        raise ValueError(f"{path} is damaged: its content does not match its checksum; take another copy")
    return tensors, metadata


def header_of(metadata: dict[str, str]) -> dict[str, Any]:
    """What `write_safetensors` entered in the metadata; empty if it is nothing of the kind."""
    try:
        header = json.loads(metadata.get("header", ""))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
