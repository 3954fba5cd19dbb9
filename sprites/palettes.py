"""Palette files: .hex, .gpl (GIMP), .pal (JASC), read and written, or the colours of an image; and Pillow's way to few
colours.

To read another kind, write a function from its lines to colours, and enter it in `FORMATS`. Those that write enter
`FORMATS` of `sprites.export.formats`.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sprites.colour import MOST, chosen_palette, codes, colours_of, hexadecimals, opaque, palette_of
from sprites.files import DataError, check_file, read_text
from sprites.reading.image import FORMATS as IMAGES
from sprites.reading.image import read_rgba

Colours = list[tuple[int, ...]]


def check_head(lines: Sequence[str], head: str) -> None:
    """ValueError unless the first line is the one that files of this kind begin with."""
    found = lines[0] if lines else ""
    if found != head:
        raise ValueError(f"expected {head!r} in its first line, got {found[:40]!r}")


def hexadecimal(lines: Sequence[str]) -> Colours:
    """RRGGBB in each line, with a # or without."""
    wrong = [line for line in lines if not re.fullmatch("#?[0-9A-Fa-f]{6}", line)]
    if wrong:
        raise ValueError(f"expected six hexadecimal digits in each line, as ff8800, got {wrong[0][:40]!r}")
    return [tuple(bytes.fromhex(line.removeprefix("#"))) for line in lines]


def gimp(lines: Sequence[str]) -> Colours:
    """R G B and a name in each line, below a head of names with colons; # begins a comment."""
    check_head(lines, "GIMP Palette")
    rows = [line for line in lines[1:] if not line.startswith("#") and not re.match(r"[A-Za-z]+:", line)]
    return [tuple(map(int, row.split()[:3])) for row in rows]


def jasc(lines: Sequence[str]) -> Colours:
    """JASC-PAL, 0100 and the number of colours, then R G B in each line."""
    check_head(lines, "JASC-PAL")
    return [tuple(map(int, row.split()[:3])) for row in lines[3:]]


FORMATS: dict[str, Callable[[Sequence[str]], Colours]] = {".hex": hexadecimal, ".gpl": gimp, ".pal": jasc}


def read_palette(path: str | Path) -> np.ndarray:
    """The colours of a palette file, uint8 [P, 3], each once, in the order of the file; or those of an image.

    Raises DataError, in one line that names the file, if it is none, or has no colour or more than 256.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file; expected a palette ({', '.join(FORMATS)}) or a PNG")
    if path.is_dir():
        raise DataError(f"{path}: a folder; expected a palette ({', '.join(FORMATS)}) or a PNG")
    check_file(path)
    read = FORMATS.get(path.suffix.lower())
    if read is None:
        if path.suffix.lower()[1:].upper() not in IMAGES:
            raise DataError(f"{path}: not a palette; expected one of {', '.join(FORMATS)}, or a PNG of its colours")
        found = palette_of(read_rgba(path)[None])
        if found is None:
            raise DataError(f"{path}: not a palette, as it has no colour or more than {MOST}; give one of 1 to {MOST}")
        return found
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
        colours = read([line for line in lines if line])
        if any(len(colour) != 3 or not 0 <= min(colour) <= max(colour) <= 255 for colour in colours):
            raise ValueError("a colour is three numbers from 0 to 255")
    except DataError:
        raise
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: not a {path.suffix} palette ({error}); see docs/palettes.md") from error
    distinct = list(dict.fromkeys(codes(np.array(colours, np.uint8).reshape(-1, 3)).tolist()))
    if not 1 <= len(distinct) <= MOST:
        raise DataError(f"{path}: {len(distinct)} colours; a palette has 1 to {MOST}")
    return colours_of(np.array(distinct))


def asked_palette(asked: str, images: Callable[[], np.ndarray]) -> np.ndarray:
    """The colours of a file; or, of a number, so many that are chosen for images(), uint8 [N, H, W, C]: uint8 [P, 3].

    Raises ValueError for another number than a palette can have, and DataError for a file that is no palette.
    """
    if not asked.isdecimal():
        return read_palette(asked)
    if not 1 <= int(asked) <= MOST:
        raise ValueError(f"palette {asked}: a palette has 1 to {MOST} colours, or is a file")
    return chosen_palette(images(), int(asked))


def written_hexadecimal(palette: np.ndarray, name: str) -> str:
    """A .hex file of a palette, uint8 [P, 3]."""
    return "".join(f"{colour}\n" for colour in hexadecimals(palette))


def written_gimp(palette: np.ndarray, name: str) -> str:
    """A .gpl file of a palette, uint8 [P, 3], which shows this name in GIMP and Aseprite."""
    rows = [f"{r:3} {g:3} {b:3}\t{r:02x}{g:02x}{b:02x}\n" for r, g, b in palette.tolist()]
    return f"GIMP Palette\nName: {' '.join(name.split())}\nColumns: 16\n#\n{''.join(rows)}"


def written_jasc(palette: np.ndarray, name: str) -> str:
    """A .pal file of a palette, uint8 [P, 3]; its lines end as on Windows."""
    lines = ["JASC-PAL", "0100", str(len(palette)), *(f"{r} {g} {b}" for r, g, b in palette.tolist())]
    return "".join(f"{line}\r\n" for line in lines)


def quantized(images: np.ndarray, count: int) -> np.ndarray:
    """uint8 [N, H, W, C], each brought to `count` colours of its own by Pillow's quantize; alpha becomes 0 or 255. The
    usual way, to compare with."""
    out = np.zeros_like(images)
    for sprite, pixels in zip(out, images, strict=True):
        seen = opaque(pixels)
        if seen.any():
            few = Image.fromarray(np.ascontiguousarray(pixels[seen][None, :, :3])).quantize(count)
            sprite[seen, :3] = np.asarray(few.convert("RGB"))[0]
        if images.shape[-1] == 4:
            sprite[..., 3] = 255 * seen
    return out
