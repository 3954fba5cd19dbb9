"""PNG files of sprites."""

import reprlib
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

import numpy as np
from PIL import Image


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


def save_pngs(folder: str | Path, images: np.ndarray, names: Sequence[str]) -> None:
    """Writes uint8 [N, H, W, C], RGB or RGBA with straight alpha, as `folder/<name>.png`.

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
        Image.fromarray(np.ascontiguousarray(image)).save(path)
