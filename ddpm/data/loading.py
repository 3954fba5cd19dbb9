"""From a folder of sprites to a `SpriteData`."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ddpm.context.categories import UNCOND
from ddpm.context.tags import CATEGORY, flags_of, vocabulary_of
from ddpm.data.collection import SpriteData
from sprites.content import examine, notes_on_content, split
from sprites.loading import Sprites, load_sprites
from sprites.tags import load_tags


def load_data(
    folder: str | Path,
    *,
    size: int | None = None,
    resize: str | None = None,
    mirror: tuple[str, ...] = (),
    val_fraction: float = 0.05,
    tags: bool = False,
    hold_out: tuple[str, ...] = (),
) -> SpriteData:
    """Read a folder of sprites of any of the three forms and split it by content; tags: with its tag table.

    hold_out: tags, as "kind=knight colour=red", of which those sprites are not trained on that have them all.
    Raises ValueError (from `load_sprites`, for an unknown name in `mirror`, or for tags that are not there) in one line
    that says what to do.
    """
    if hold_out and not tags:
        raise ValueError("hold_out names tags, which are learnt with --tags only; add it")
    sprites = load_sprites(folder, size=size, resize=resize)
    for name in mirror:
        if name not in (*sprites.categories, "*"):
            raise ValueError(f"mirror names {name!r}, but the categories are {', '.join(sprites.categories)} (or '*')")
    if UNCOND in sprites.categories:
        raise ValueError(
            f"{folder}: a category cannot be named {UNCOND!r}, the word for no category; rename it, to {UNCOND}_ say"
        )
    content = examine(sprites.images)
    notes = (*sprites.notes, *notes_on_content(sprites, content))
    train, val = split(content.hashes, val_fraction)
    every = "*" in mirror and "*" not in sprites.categories
    flips = torch.tensor([every or c in mirror for c in sprites.categories])
    facets, flags = read_tags(folder, sprites, flips) if tags else ({}, None)
    data = SpriteData(sprites, train, val, flips, content.hashes, facets, flags, notes)
    try:
        data = data.without(hold_out)
    except ValueError as e:
        raise ValueError(f"hold_out: {e}") from e
    if not len(data.train):
        raise ValueError(
            f"{folder}: no sprite is left to train on; lower val_fraction = {val_fraction:g}, or hold out less"
        )
    return data


def read_tags(folder: str | Path, sprites: Sprites, mirror: Tensor) -> tuple[dict[str, tuple[str, ...]], Tensor]:
    """The facets of a folder's tag table, and the flags of its sprites; see `SpriteData`."""
    table = load_tags(folder)
    if table is None:
        raise ValueError(f"{folder} has no tags.csv to learn tags from; add one (see sprites/README.md)")
    rows, counts = (
        {name: int((labels == k).sum()) for k, name in enumerate(names)}
        for labels, names in ((table.labels, table.categories), (sprites.labels, sprites.categories))
    )
    for name in sorted(rows.keys() | counts.keys()):
        if rows.get(name, 0) != counts.get(name, 0):
            raise ValueError(
                f"{folder}/tags.csv has {rows.get(name, 0)} rows for {name}, of which there are {counts.get(name, 0)} "
                "sprites; give each its row"
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
    if mirror.any() and {"left", "right"} & {value for values in facets.values() for value in values}:
        raise ValueError("mirror makes sprites that face right of those that face left, against their tags; drop one")
    flags = flags_of(table)
    ours = [sprites.categories.index(table.categories[label]) for label in table.labels]
    place = torch.empty(len(flags), dtype=torch.long)
    place[np.argsort(ours, kind="stable")] = torch.from_numpy(np.argsort(sprites.labels, kind="stable"))
    return facets, torch.empty_like(flags).index_copy_(0, place, flags)
