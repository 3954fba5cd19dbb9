"""From a folder of sprites to a `SpriteData`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ddpm.config import DataConfig
from ddpm.context.tags import CATEGORY, flags_of, vocabulary_of
from ddpm.data.collection import SpriteData
from ddpm.system.console import progress
from ddpm.system.distributed import is_main
from ddpm.system.memory import check_fits
from sprites.colour import keep_to, palette_of
from sprites.content import examine, notes_on_content, split
from sprites.files import check_learnt, plural
from sprites.loading import Sprites, load_sprites
from sprites.palettes import asked_palette
from sprites.tags import load_tags

SILENT = 3  # seconds after which a bar tells that a large set is looked at


def load_data(folder: str | Path, config: DataConfig = DataConfig()) -> SpriteData:
    """Read a folder of sprites of any of the three forms, and split it by content.

    Raises ValueError in one line that says what to do: from `load_sprites`, for a name that cannot be used, for tags
    that are not there, and if nothing is left to train on.
    """
    if config.hold_out and not config.tags:
        raise ValueError("hold_out names tags, which are learnt with --tags only; add it")
    sprites = load_sprites(folder, size=config.size, resize=config.resize, clips=config.clips > 0)
    check_learnt(Path(folder), sprites.categories)
    mirror = mirrored(sprites.categories, config.mirror)
    silent = {"leave": False, "delay": SILENT, "disable": not is_main()}
    with progress(None, f"looking at {folder}", total=len(sprites), unit="sprite", unit_scale=True, **silent) as bar:
        content = examine(sprites.images, bar.update)
    notes = (*sprites.notes, *notes_on_content(sprites, content))
    palette = palette_for(sprites.images, config.palette)
    if palette is not None and (config.palette != "auto" or content.soft.any()):
        check_fits("a copy of the sprites in the colours of the palette", sprites.images.nbytes, "give a smaller set")
        sprites = replace(sprites, images=keep_to(sprites.images, palette))
    # By what they were, so that it is the same for any palette. Clips are kept whole only where they are learnt.
    train, val = split(content.hashes, config.val_fraction, sprites.clips if config.clips else None)
    facets, flags = read_tags(folder, sprites, mirror) if config.tags else ({}, None)
    data = SpriteData(sprites, train, val, mirror, content.hashes, facets, flags, notes, palette)
    try:
        data = data.without(config.hold_out, missing_ok=False)
    except ValueError as e:
        raise ValueError(f"hold_out: {e}") from e
    if not len(data.train):
        raise ValueError(
            f"{folder}: no sprite is left to train on; lower val_fraction = {config.val_fraction:g}, or hold out less"
        )
    return data


def palette_for(images: np.ndarray, setting: str) -> np.ndarray | None:
    """The palette of sprites uint8 [N, H, W, C] by `DataConfig.palette`: uint8 [P, 3], or None. Raises ValueError for a
    number that is none, and DataError for a file that is no palette."""
    if setting == "none":
        return None
    if setting == "auto":
        return palette_of(images)
    return asked_palette(setting, lambda: images)


def mirrored(categories: Sequence[str], names: Sequence[str]) -> Tensor:
    """bool [K]: the categories that are named, or all for "*". Raises ValueError for a name that is none of them."""
    for name in names:
        if name not in (*categories, "*"):
            raise ValueError(f"mirror names {name!r}, but the categories are {', '.join(categories)} (or '*')")
    every = "*" in names and "*" not in categories
    return torch.tensor([every or category in names for category in categories])


def read_tags(folder: str | Path, sprites: Sprites, mirror: Tensor) -> tuple[dict[str, tuple[str, ...]], Tensor]:
    """The facets of a folder's tag table, and the flags of its sprites, bool [N, V]: see `SpriteData`.

    Raises ValueError if the table is missing, has other sprites than the folder, or holds what cannot be learnt.
    """
    table = load_tags(folder)
    if table is None:
        raise ValueError(f"{folder} has no tags.csv to learn tags from; add one (see sprites/README.md), or --no-tags")
    in_table, in_folder = (
        {name: int((labels == k).sum()) for k, name in enumerate(names)}
        for labels, names in ((table.labels, table.categories), (sprites.labels, sprites.categories))
    )
    for name in sorted(in_table.keys() | in_folder.keys()):
        if in_table.get(name, 0) != in_folder.get(name, 0):
            raise ValueError(
                f"{folder}/tags.csv has {plural(in_table.get(name, 0), 'row')} for {name}, which has "
                f"{plural(in_folder.get(name, 0), 'sprite')}; give each its row"
            )
    facets = vocabulary_of(table)
    if not facets:
        raise ValueError(f"{folder}/tags.csv has no column with a value beside category and index, so no tags to learn")
    if CATEGORY in facets:
        raise ValueError(f"{folder}/tags.csv: a facet cannot be named {CATEGORY!r}, which every sprite has; rename it")
    for facet in facets:
        if "=" in facet:
            better = facet.replace("=", "_")
            raise ValueError(f"{folder}/tags.csv: a facet cannot hold an equals sign, got {facet!r}; say {better!r}")
    for facet, values in facets.items():
        if mirror.any() and len(one := {"left", "right"} & {*values}) == 1:
            (has,), (lacks,) = one, {"left", "right"} - one
            raise ValueError(
                f"mirror makes sprites with {facet}={lacks} of those with {facet}={has}, but no tag says {lacks}; "
                "drop mirror, or give some sprites that tag"
            )
    # The n-th row of a category is of its n-th sprite; sorted by category, and else left in order, both stand alike.
    categories_of_rows = [sprites.categories.index(table.categories[label]) for label in table.labels]
    rows, places = (torch.from_numpy(np.argsort(k, kind="stable")) for k in (categories_of_rows, sprites.labels))
    flags = flags_of(table, facets)
    flags_of_sprites = torch.empty_like(flags)
    flags_of_sprites[places] = flags[rows]
    return facets, flags_of_sprites
