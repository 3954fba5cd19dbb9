"""Real cycles that a model of clips was never trained on, and others that its judges learn from."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ddpm.config import Config
from ddpm.context.categories import one_hot
from ddpm.context.tags import flags_of, slices, without
from ddpm.data.collection import SpriteData
from ddpm.data.order import seed_of
from ddpm.data.tensors import to_tensor
from ddpm.evaluation.tag_judge import tagged_data
from ddpm.runs.spec import ModelSpec
from sprites.colour import from_hexadecimals, keep_to
from sprites.content import content_hashes
from sprites.endless import drawn
from sprites.files import plural

STEP = "step of its cycle"  # the facet of the judges that says which frame of its clip a sprite is
REAL, JUDGES = range(2)  # apart by their seeds
SPARE = 1.2  # cycles drawn for one that is asked for: those with tags that were held out are left out


@dataclass(frozen=True, eq=False)
class Cycles:
    """N cycles of L frames each, of the sprites in `data`."""

    data: SpriteData
    rows: np.ndarray
    """int64 [N, L]: the sprites that are their frames."""

    @classmethod
    def of(cls, data: SpriteData, length: int) -> Self:
        """All cycles of so many frames in the training split."""
        first = data.cycles[data.cycles[:, 1] == length, 0]
        return cls(data, first[:, None] + np.arange(length))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> "Cycles":
        return Cycles(self.data, self.rows[some])

    @property
    def length(self) -> int:
        """L"""
        return self.rows.shape[1]

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 [N, L, H, W, C]"""
        taken = self.data.sprites.take(self.rows.ravel())
        return taken.reshape(*self.rows.shape, *taken.shape[1:])

    @property
    def x(self) -> Tensor:
        """float32 [N, L, C, H, W] in [-1, 1]"""
        return to_tensor(self.pixels)

    @property
    def frame_contexts(self) -> Tensor:
        """All that is known of each frame, [N, L, V]."""
        return self.data.contexts(self.rows.ravel()).unflatten(0, self.rows.shape)

    @property
    def contexts(self) -> Tensor:
        """What clips are asked for, [N, V]: the tags, but those that the place of a frame gives."""
        return self.frame_contexts[:, 0] * without(self.data.varying, self.data.vocabulary)

    @cached_property
    def judged(self) -> SpriteData:
        """These sprites with the tags that judges see: those that a cycle has in all its frames, and `STEP`."""
        data, L = self.data, self.length
        columns = slices(data.vocabulary)
        kept = {f: values for f, values in data.facets.items() if f not in data.varying}
        contexts = data.contexts(np.arange(len(data.sprites)))
        flags = [contexts[:, columns[facet]].bool() for facet in kept]
        clips = np.asarray(data.sprites.clips)
        _, first, clip = np.unique(clips, return_index=True, return_inverse=True)
        step = torch.from_numpy((np.arange(len(clips)) - first[clip]).clip(max=L - 1))
        facets = kept | {STEP: tuple(map(str, range(L)))}
        train = self.rows.ravel()
        return replace(data, facets=facets, flags=torch.cat([*flags, one_hot(step, L).bool()], 1), train=train)


def drawn_cycles(spec: ModelSpec, hold_out: tuple[str, ...], seed: int, count: int) -> Cycles:
    """`count` cycles by the artist of the shipped set, in the colours of a model, without tags that it has not seen
    together. Raises ValueError for a model of other sprites."""
    from sprites.draw.registry import CATEGORIES, CYCLES

    length = spec.model.frames
    moving = tuple(category for category, cycle in CYCLES.items() if cycle == length)
    if (spec.categories, spec.channels) != (CATEGORIES, 4) or not moving:
        raise ValueError(
            f"the model makes {spec.describe()}, {length} frames a cycle, which the artist of the shipped set does not "
            "draw; give real cycles by --data FOLDER"
        )
    sprites, tags = drawn(seed, int(SPARE * count + 1) * length, spec.size, moving)
    hashes = content_hashes(sprites.images)
    if spec.palette:
        sprites = replace(sprites, images=keep_to(sprites.images, from_hexadecimals(spec.palette)))
    flags = flags_of(tags, spec.facets) if spec.facets else None
    every, none = np.arange(len(sprites)), np.empty(0, np.int64)
    mirror = torch.zeros(len(CATEGORIES), dtype=torch.bool)
    data = SpriteData(sprites, every, none, mirror, hashes, dict(spec.facets), flags)
    return Cycles.of(data.without(hold_out), length)[:count]


def folder_cycles(folder: Path, trained: Config, spec: ModelSpec) -> tuple[Cycles, Cycles]:
    """The cycles of a folder that were held out in training, and those that were not. Raises ValueError for another
    folder than that of a model that was `trained` so, and for too few cycles."""
    data = tagged_data(folder, replace(trained, palette="none", clips=trained.clips or 1.0), spec)
    length = spec.model.frames
    held_out, learnt = (Cycles.of(replace(data, train=rows), length) for rows in (data.val, data.train))
    for what, cycles in (("held out", held_out), ("to train on", learnt)):
        if len(cycles) < 2:
            raise ValueError(
                f"{folder} has {plural(len(cycles), 'cycle')} of {length} frames {what}, too few to judge by; raise "
                "val_fraction in training, or give more cycles"
            )
    return held_out, learnt


def real_cycles(
    folder: Path | None, trained: Config, spec: ModelSpec, count: int, most: int, seed: int
) -> tuple[Cycles, Cycles, Cycles]:
    """Twice up to `count` real cycles that were never trained on, none in both; and up to `most` others, for the judges
    to learn from. Of a folder, or, without one, drawn."""
    if folder is None:
        real = drawn_cycles(spec, trained.hold_out, seed_of(seed, REAL), 2 * count)
        learnt = drawn_cycles(spec, trained.hold_out, seed_of(seed, JUDGES), most)
    else:
        real, learnt = folder_cycles(folder, trained, spec)
    count = min(count, len(real) // 2)
    return real[: 2 * count : 2], real[1 : 2 * count : 2], learnt[:most]
