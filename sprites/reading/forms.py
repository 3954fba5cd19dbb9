"""The forms of a folder of sprites, and which of them a folder is. A new form is one module and its entry in FORMS."""

from collections import Counter
from pathlib import Path
from typing import NoReturn

import numpy as np

from sprites.files import DataError, Unprepared
from sprites.reading import categories, npy_pair, sprite_set
from sprites.reading.folder import SUFFIXES, images_below, reasons, refuse_link
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.guesses import guess_file, set_of_sheets
from sprites.reading.image import Resize

FORMS: tuple[Form, ...] = (sprite_set.FORM, npy_pair.FORM, categories.FORM)
MAX_WRAPS = 8


def expected() -> str:
    """All forms, in words for a message."""
    *others, last = [f"{form.name} {form.layout}" for form in FORMS]
    return f"{', '.join(others)} or {last}"


def read_folder(folder: Path, size: int | None, resize: Resize | None, clips: bool = False) -> Contents:
    """The contents of a folder of any form, recognised by what lies in it. clips: with the clip of each sprite."""
    inside = Inside(folder)
    forms = [form for form in FORMS if form.found(inside)]
    if not {*forms} - {categories.FORM}:
        refuse_wrapper(inside)
    if len(forms) > 1:
        names = " and ".join(form.name for form in forms)
        raise DataError(f"{folder}: looks like {names} (found {inside.told()}); keep one of them: {expected()}")
    if not forms:
        refuse(inside)
    form = forms[0]
    if not clips:
        return form.read(inside, size, resize)
    found = (form.read_clips or form.read)(inside, size, resize)
    return found if found.clips is not None else found._replace(clips=np.arange(len(found.images)))


def names_of(folder: Path) -> tuple[str, ...] | None:
    """The categories of a folder in the order of the labels, if one of its files says so."""
    return next((names for form in FORMS if (names := form.names(folder)) is not None), None)


def refuse(inside: Inside) -> NoReturn:
    """DataError for a folder of no form."""
    if inside.pictures:
        refuse_loose(inside)
    if inside.links:
        refuse_link(inside.links[0])
    left_out: Counter[str] = Counter()
    for path in inside.paths:
        list(images_below(path, left_out))
    only = f", but pictures that are not read: {reasons(left_out)}" if left_out else f" (found {inside.told()})"
    kind = Unprepared if left_out else DataError
    raise kind(f"{inside.folder}: no sprites{only}; expected {expected()}")


def refuse_wrapper(inside: Inside) -> None:
    """DataError, with the path to give, if all that a folder holds is one folder that is itself a set of sprites."""
    outer, folders = inside, inside.folders
    suffixes = (*SUFFIXES, *(suffix for form in FORMS for suffix in form.suffixes))
    for _ in range(MAX_WRAPS):
        folders = [sub for sub in folders if not sub.is_symlink() and next(images_below(sub, None, suffixes), None)]
        if len(folders) != 1:
            break
        inside = Inside(folders[0])
        folders = inside.folders
        if is_described(inside):
            raise DataError(f"{outer.folder}: the sprites are in {inside.folder}; give that folder")
        if inside.pictures:
            return
    if inside is not outer and len(folders) > 1:
        raise DataError(
            f"{outer.folder}: holds a single folder, and that {len(folders)} folders of images; give {inside.folder} "
            f"if these are the categories, or move their images right into {inside.folder} if it is the only one"
        )


def is_described(inside: Inside) -> bool:
    """Whether other files than pictures say that a folder is a set of sprites."""
    forms = [form for form in FORMS if form is not categories.FORM and form.found(inside)]
    return any(form.holds_pictures or not inside.pictures or form.names(inside.folder) for form in forms)


def refuse_loose(inside: Inside) -> NoReturn:
    """DataError for images in no folder, which may be sheets that are not described."""
    pictures = inside.pictures
    tiles = {guess_file(path)[0] for path in pictures[:4]}
    tile = tiles.pop() if len(tiles) == 1 else None
    what, how = "", "describe sheets in a sprites.toml"
    if tile:
        what = f" that looks like a sheet of {tile}x{tile} tiles"
        how = f"add {set_of_sheets(tile, [path.stem for path in pictures])}"
    raise Unprepared(
        f"{pictures[0]}: a loose image{what}; sort the images into one folder per category "
        f"(a single one is fine), or {how} (found {inside.told()})"
    )
