"""PNG files: one sheet of all sprites, alone or with JSON as Aseprite writes it, or a file for each sprite.

The fields of the JSON are those of `aseprite --sheet --data --format json-hash --list-tags --list-layers --list-slices`
(www.aseprite.org/docs/cli): cells that are neither rotated nor trimmed.
"""

import json
import math
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
from PIL import Image

from sprites.export.album import Album, Files
from sprites.files import plural
from sprites.writing.png import check_png_names, indexed
from sprites.writing.sheets import side_by_side

LONG = 16  # frames of a run, up to which a run has a row of its own
LARGE = 16_384  # pixels a side; many graphics cards take no more


def png_of(picture: Image.Image | np.ndarray) -> bytes:
    """The bytes of a PNG file, of a picture or of pixels uint8 [H, W, 3 or 4]."""
    file = BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(file, format="png")
    return file.getvalue()


def columns_of(album: Album, columns: int | None) -> int:
    """Cells in a row: what was asked for, or the frames of a run where all have equally many, or about as many as there
    are rows."""
    lengths = {len(run.frames) for run in album.runs}
    if columns is None and len(lengths) == 1 and sum(len(run.frames) for run in album.runs) == len(album):
        columns = lengths.pop() if max(lengths) <= LONG else None
    return min(len(album), columns or math.ceil(math.sqrt(len(album))))


class Sheet(NamedTuple):
    """All sprites on one picture, row by row, in cells without gaps."""

    picture: np.ndarray  # uint8 [H, W, 4]
    columns: int
    cells: list[tuple[int, int, int, int]]  # left, top, width and height of each sprite

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]

    @property
    def file(self) -> bytes:
        return png_of(self.picture)

    @property
    def told(self) -> str:
        w, h = self.size
        large = f"; more than {LARGE:,} pixels a side, which not every engine takes" if max(w, h) > LARGE else ""
        return f"{plural(len(self.cells), 'sprite')} in {plural(self.columns, 'column')}, {w}x{h} pixels{large}"


def sheet_of(album: Album, columns: int | None) -> Sheet:
    """The sheet of an album."""
    columns = columns_of(album, columns)
    w, h = album.size
    cells = [(i % columns * w, i // columns * h, w, h) for i in range(len(album))]
    return Sheet(side_by_side(album.rgba, columns), columns, cells)


def write_sheet(album: Album, name: str, columns: int | None) -> Files:
    sheet = sheet_of(album, columns)
    return Files({name: sheet.file}, sheet.told)


def rectangle(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def write_json(album: Album, name: str, columns: int | None, is_hash: bool = True, numbered: bool = False) -> Files:
    """A sheet and Aseprite's JSON of it: its frames as a hash by their names, or as an array. numbered: they are called
    0, 1, 2, as by `--filename-format {frame}`.
    """
    sheet, image = sheet_of(album, columns), PurePath(name).with_suffix(".png").name
    w, h = album.size
    names = [str(i) for i in range(len(album))] if numbered else album.names
    frames = [
        {
            "filename": sprite,
            "frame": rectangle(*cell),
            "rotated": False,
            "trimmed": False,
            "spriteSourceSize": rectangle(0, 0, w, h),
            "sourceSize": {"w": w, "h": h},
            "duration": delay,
        }
        for sprite, cell, delay in zip(names, sheet.cells, album.delays, strict=True)
    ]
    tags = [
        {"name": run.name, "from": run.first, "to": run.last, "direction": "forward", "color": "#000000ff"}
        for run in album.runs
    ]
    meta = {
        "app": "ddpm-sprites",
        "version": "1.3",  # of Aseprite, whose fields these are
        "image": image,
        "format": "RGBA8888",
        "size": dict(zip("wh", sheet.size, strict=True)),
        "scale": "1",
        "frameTags": tags,
        "layers": [{"name": "Layer 1", "opacity": 255, "blendMode": "normal"}],
        "slices": [],
    }
    listed = {frame.pop("filename"): frame for frame in frames} if is_hash else frames
    text = json.dumps({"frames": listed, "meta": meta}, indent=1, ensure_ascii=False) + "\n"
    told = f"{sheet.told}, {plural(len(tags), 'frame tag')}"
    return Files({name: text.encode(), image: sheet.file}, told)


def write_pngs(album: Album, name: str, columns: int | None, is_indexed: bool) -> Files:
    """A file for each sprite, by its name: RGB or RGBA, or indices, of one palette if all fit into it."""
    check_png_names(album.names)
    colours = album.colours if is_indexed else None
    palette = np.empty((0, 3), np.uint8) if colours is None else colours
    pictures = (indexed(image, palette) if is_indexed else image for image in album.sprites)
    contents = {f"{sprite}.png": png_of(picture) for sprite, picture in zip(album.names, pictures, strict=True)}
    return Files(contents, f"{plural(len(contents), 'PNG file')}{' of indices' if is_indexed else ''}")
