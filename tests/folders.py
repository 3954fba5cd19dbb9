"""Folders of sprites in each of their forms, for tests."""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.writing.png import save_pngs

NAMES = ("food", "hero", "spell")


LABELS = np.array([0, 0, 1, 1, 1, 2, 2])


def draw(count: int = 7, size: int = 8, channels: int = 4, seed: int = 0) -> np.ndarray:
    """Random uint8 [count, size, size, channels]; hard alpha, no colour under alpha 0, none empty."""
    images = np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    if channels == 4:
        images[..., 3] = np.where(images[..., 3] < 128, 0, 255)
        images[:, 0, 0, 3], images[:, -1, -1, 3] = 255, 0
        images *= images[..., 3:] != 0
    return images


def write_pair(folder: Path, images, labels, names=NAMES, stems=("images", "labels")) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, array in zip(stems, (images, labels), strict=True):
        np.save(folder / f"{stem}.npy", array)
    if names is not None:
        (folder / "categories.json").write_text(json.dumps(names))
    return folder


def write_set(folder: Path, images, labels=LABELS, names=NAMES, columns: int = 2) -> Path:
    folder.mkdir(exist_ok=True)
    tile, channels = images.shape[1], images.shape[-1]
    (folder / "sprites.toml").write_text(f"tile = {tile}\ncategories = {json.dumps(names)}\n")
    for index, name in enumerate(names):
        tiles = images[labels == index]
        rows = -(-len(tiles) // columns)
        sheet = np.zeros((rows * columns, tile, tile, channels), np.uint8)
        sheet[: len(tiles)] = tiles
        sheet = sheet.reshape(rows, columns, tile, tile, channels).swapaxes(1, 2)
        Image.fromarray(sheet.reshape(rows * tile, columns * tile, channels)).save(folder / f"{name}.png")
    return folder


def write_categories(folder: Path, images, labels=LABELS, names=NAMES) -> Path:
    save_pngs(folder, images, [f"{names[label]}/{i:03}" for i, label in enumerate(labels)])
    return folder


def write_shard(path: Path, images, labels=None, names: tuple[str, ...] | None = None) -> Path:
    """A Parquet file of PNGs as model hubs keep them, ten rows in a group."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def png(image: np.ndarray) -> bytes:
        Image.fromarray(image).save(file := io.BytesIO(), "png")
        return file.getvalue()

    columns = {"image": [{"bytes": png(image), "path": None} for image in images]}
    table = pa.table(columns if labels is None else columns | {"label": labels})
    if names:
        about = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=10, compression="none")
    return path


def refused(folder: Path, *parts: object, **options) -> str:
    """Loading fails in one line that begins with a path and holds every part."""
    with pytest.raises(DataError) as caught:
        load_sprites(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message, f"{part!r} is not in {message!r}"
    return message


def png_of_size(width: int, height: int) -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
