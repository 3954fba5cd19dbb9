"""PNG files of sprites."""

import reprlib
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

import numpy as np
from PIL import Image

from sprites.colour import MOST, codes, colours_of


def check_png_names(names: Sequence[str]) -> None:
    """ValueError for names, less .png, that repeat, leave the folder they are for, or cannot be those of files."""
    if len(set(names)) != len(names):
        raise ValueError(f"names: got {len(names)}, {len(set(names))} of them distinct; they must not repeat")
    for name in names:
        path = PureWindowsPath(name)  # which knows both kinds of separator, and drives
        if not path.name or path.anchor or ".." in path.parts or not name.isprintable():
            raise ValueError(f"names: got {name!r}, expected a printable path inside the folder")
        if any(len(part.encode()) > 250 for part in path.parts):
            raise ValueError(f"names: got {reprlib.repr(name)}, which is too long for a file; at most 250 bytes")


def indices(images: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [..., H, W, 3 or 4] as indices uint8 [..., H, W] into colours uint8 [P, 3]; in RGBA index 0 is transparent.

    The colours are those of `palette` if all are in it and there is room, else the images' own. ValueError for soft
    alpha, and for more colours than there are indices.
    """
    clear = images.shape[-1] == 4
    if clear and not np.isin(images[..., 3], (0, 255)).all():
        raise ValueError(
            "indexed files have an alpha of 0 or 255, and these sprites others too; --palette 64 makes it so"
        )
    code, first = codes(images), [-1] if clear else []
    table = np.array([*first, *codes(palette)])
    if len(table) > MOST or not np.isin(code, table).all():
        table = np.array([*first, *np.unique(code[code >= 0])])
    if len(table) > MOST:
        most, beside = MOST - len(first), " beside transparent" if clear else ""
        raise ValueError(
            f"{len(table) - len(first)} colours, where indexed files have at most {most}{beside}; --palette {most} "
            "brings them to so many"
        )
    order = np.argsort(table)
    return order[np.searchsorted(table, code, sorter=order)].astype(np.uint8), colours_of(table.clip(0))


def picture_of(index: np.ndarray, colours: np.ndarray, clear: bool) -> Image.Image:
    """Indices uint8 [H, W] into colours uint8 [P, 3] as a picture; with `clear`, index 0 is transparent."""
    picture = Image.fromarray(index, mode="P")
    picture.putpalette(colours.tobytes())
    if clear:
        picture.info["transparency"] = 0
    return picture


def indexed(image: np.ndarray, palette: np.ndarray) -> Image.Image:
    """uint8 [H, W, 3 or 4] as a picture of indices (PLTE, and tRNS in RGBA), as `indices` finds them."""
    return picture_of(*indices(image, palette), image.shape[-1] == 4)


def save_pngs(folder: str | Path, images: np.ndarray, names: Sequence[str], palette: np.ndarray | None = None) -> None:
    """Writes uint8 [N, H, W, C], RGB or RGBA with straight alpha, as `folder/<name>.png`; with a palette, uint8 [P, 3],
    as `indexed` pictures.

    A name may have folders ("hero/0001"), so that `load_sprites(folder)` reads categories back. Files of the
    same name are overwritten. ValueError for other arrays, and for names that repeat or leave the folder.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (3, 4):
        raise ValueError(f"images: got {images.dtype} {list(images.shape)}, expected uint8 [N,H,W,C] with C 3 or 4")
    if len(names) != len(images):
        raise ValueError(f"names: got {len(names)}, expected one for each of {len(images)} images")
    check_png_names(names)
    for name, image in zip(names, images, strict=True):
        path = Path(folder, f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.ascontiguousarray(image)) if palette is None else indexed(image, palette)
        picture.save(path)
