"""What each step of training sees: sprites and clips, their contexts with some hidden, timesteps and noise.

Everything random in step k is drawn from generators seeded with (seed, k), on the device that the network is on.
"""

import math
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddpm.config import Config
from ddpm.context.tags import hide
from ddpm.data.augmentation import shifted
from ddpm.data.collection import SpriteData
from ddpm.data.order import CYCLES, STEP, generator
from ddpm.data.stream import stream_of
from ddpm.data.tensors import to_tensor
from ddpm.diffusion.prediction import drawn_timesteps
from ddpm.network.attention import causal_mask
from ddpm.network.frames import Frames
from ddpm.runs.spec import ModelSpec
from ddpm.system.distributed import local_world, own

NOISE_ROWS = {"cpu": 64, "cuda": 1024}  # noise is drawn in blocks of so many samples: a process draws only its own
HELD_MOST = 2**33  # bytes of sprites that are kept on a GPU; of more, each batch is brought there
DRAWERS_MOST = 8  # processes that draw
# Share of a training, its first part, in which sprites are shifted, then each is where it is: at most the first, and
# the second over their number, since many are not learnt by heart, and where each is has to be learnt, too.
SHIFTED_FIRST, SHIFTED_FEW = 0.75, 150
CLEAN_PAST = 0.9  # share of the clips whose first frames are clean, as they are in sampling one after another


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one step, [n] each: rows of sprites, or G clips of F frames each, one after the other, n = G F."""

    x0: Tensor
    """float32 [n, C, H, W]"""
    context: Tensor
    """float32 [n, V]"""
    t: Tensor
    """int64 [n]"""
    eps: Tensor
    """float32 [n, C, H, W]"""
    frames: Frames | None = None

    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        told = [self.frames.position, self.frames.length, self.frames.sees] if self.frames else []
        return [self.x0, self.context, self.t, self.eps, *told]

    def split(self, count: int) -> list["Batch"]:
        """In so many parts, of whole clips."""

        def parts(x: Tensor) -> list[Tensor]:
            return [part.flatten(0, 1) for part in self.groups(x).tensor_split(count)]

        x0, context, t, eps = map(parts, (self.x0, self.context, self.t, self.eps))
        frames: list[Frames | None] = [None] * count
        if self.frames:
            told = zip(parts(self.frames.position), parts(self.frames.length), strict=True)
            sees = self.frames.sees.tensor_split(count)
            frames = [Frames(*places, seen) for places, seen in zip(told, sees, strict=True)]
        return list(map(Batch, x0, context, t, eps, frames))

    def groups(self, x: Tensor) -> Tensor:
        """Rows [n, ...] by clips, [G, F, ...]."""
        return x.unflatten(0, (-1, 1 if self.frames is None else self.frames.sees.shape[1]))


class Batches:
    """Makes the batch of a step: stills, then clips.

    Raises ValueError for a batch that does not divide into clips, where there are no clips, and as `stream_of`.
    """

    def __init__(self, config: Config, data: SpriteData, spec: ModelSpec, timesteps: int, device: torch.device) -> None:
        self.config, self.spec, self.timesteps, self.device = config, spec, timesteps, device
        self.count = spec.model.frames if config.clips else 1
        if config.clips and self.count == 1:
            raise ValueError(f"clips = {config.clips:g} needs model.frames, how many frames a clip has, such as 4")
        if config.optim.batch % self.count:
            raise ValueError(
                f"optim.batch = {config.optim.batch} does not divide into clips of model.frames = {self.count}; give a "
                "multiple of it"
            )
        groups = config.optim.batch // self.count
        self.clips = max(1, round(config.clips * groups)) if config.clips else 0
        self.stills = config.optim.batch - self.clips * self.count
        ones, clips = torch.arange(self.stills), torch.arange(self.clips).repeat_interleave(self.count)
        self.unit = torch.cat([ones, self.stills + clips]).to(device)  # of which still or clip each row is, int64 [B]
        self.shifted_until = min(SHIFTED_FIRST, SHIFTED_FEW / len(data.train)) * config.steps
        # On a CPU drawing takes a twentieth of the time of training; a GPU would wait for it.
        spare = (os.cpu_count() or 1) // local_world() - 2
        ahead = min(max(1, spare), DRAWERS_MOST) if device.type == "cuda" else 0
        self.stream = stream_of(data, config, self.stills, self.clips, ahead)
        self.held: tuple[SpriteData, Tensor] | None = None

    def __call__(self, step: int) -> tuple[Batch, dict[str, Tensor]]:
        """This process's own rows of the batch of a step; and the groups of all its rows, int64 [B] each."""
        config, T, device = self.config, self.timesteps, self.device
        g = generator(config.seed, STEP, step, device=device)
        data, firsts = self.stream(step)
        rows, places = self.rows(data, firsts, step)
        labels = self.bring(torch.from_numpy(data.sprites.labels[firsts]))
        flipped = data.flips(labels, g)
        context, kept = self.contexts(data, firsts, flipped, g)
        t = drawn_timesteps(len(rows), T, step / config.steps, g)
        shift = config.shift if step <= self.shifted_until else 0
        moves = torch.rand(len(firsts), 2, generator=g, device=device) if shift else None
        frames, t = (None, t) if places is None else self.frames(places, t, g)
        group, count = own(len(rows) // self.count), self.count
        mine = slice(group.start * count, group.stop * count)
        x0 = self.pixels(data, rows[mine])
        if flipped is not None:
            x0 = torch.where(flipped[self.unit][mine, None, None, None], x0.flip(-1), x0)
        if moves is not None:
            x0 = shifted(x0, moves[self.unit][mine], shift, self.unit[mine])
        if frames:
            frames = Frames(frames.position[mine], frames.length[mine], frames.sees[group])
        groups = {
            "loss_by_timestep": t * 4 // T,
            "loss_by_category": labels[self.unit],
            "loss_by_context": kept[self.unit].long(),
            "loss": torch.zeros_like(t),
        }
        return Batch(x0, context[self.unit][mine], t[mine], self.noise(mine, x0.shape[1:], g, step), frames), groups

    def bring(self, x: Tensor) -> Tensor:
        """To the device, without waiting for what it computes."""
        return x.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else x

    def rows(self, data: SpriteData, firsts: np.ndarray, step: int) -> tuple[np.ndarray, Tensor | None]:
        """The sprite of each row, int64 [B], from those that the stills are and the clips begin with; and of clips
        [G, F] the place of each frame in its cycle and the length of that, [2, G, F]. They begin anywhere in it."""
        if not self.clips:
            return firsts, None
        found = np.searchsorted(data.cycles[:, 0], firsts[self.stills :])
        length = torch.from_numpy(data.cycles[found, 1])[:, None]
        start = torch.rand(self.clips, 1, generator=generator(self.config.seed, CYCLES, step)) * length
        place = (start.long() + torch.arange(self.count)) % length
        rows = np.concatenate([firsts[: self.stills], (firsts[self.stills :, None] + place.numpy()).ravel()])
        return rows, self.bring(torch.stack([place, length.expand_as(place)]))

    def contexts(
        self, data: SpriteData, firsts: np.ndarray, flipped: Tensor | None, g: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Of stills and clips, [U, V], with what is hidden, and which have any left, [U]."""
        context = data.contexts(firsts)
        if self.clips:  # where in its cycle a frame is, is told by its place
            context[self.stills :] *= self.spec.lasting
        context = self.bring(context)
        if flipped is not None and data.facets:
            context = torch.where(flipped[:, None], context[:, data.turned.to(self.device)], context)
        return hide(context, len(self.spec.categories), self.config, g, data.rarity)

    def frames(self, places: Tensor, t: Tensor, g: torch.Generator) -> tuple[Frames, Tensor]:
        """How the rows are frames, and their timesteps with the past of some clips clean.

        places: [2, clips, F]; t: int64 [B]. Stills are told apart as clips of one frame, F in a group that do not see
        one another; so are clips whose history is hidden.
        """
        F, alone = self.count, torch.eye(self.count, dtype=torch.bool, device=self.device)
        u = torch.rand(3, self.clips, generator=g, device=self.device)
        causal = causal_mask(F, self.device).expand(self.clips, F, F)
        sees = torch.where((u[0] < self.config.keep_history)[:, None, None], causal, alone)
        stills = alone.expand(self.stills // F, F, F)
        position, length = (torch.cat([torch.zeros_like(t[: self.stills]), p.flatten()]) for p in places)
        done = (1 + u[1] * (F - 1)).long().where(u[2] < CLEAN_PAST, 0)  # how many frames come first that are clean
        past = torch.arange(F, device=self.device) < done[:, None]
        t = torch.cat([t[: self.stills], t[self.stills :].masked_fill(past.flatten(), 0)])
        return Frames(position, length, torch.cat([stills, sees])), t

    def pixels(self, data: SpriteData, rows: np.ndarray) -> Tensor:
        """x0 [n, C, H, W] of sprites on the device; a GPU keeps the whole set, if it is not too large."""
        if self.device.type == "cpu" or data.sprites.images.nbytes > HELD_MOST:
            return self.bring(to_tensor(data.sprites.take(rows)))
        if self.held is None or self.held[0] is not data:
            self.held = data, torch.from_numpy(np.ascontiguousarray(data.sprites.images)).to(self.device)
        return to_tensor(self.held[1][self.bring(torch.from_numpy(rows))])

    def noise(self, rows: slice, shape: torch.Size, first: torch.Generator, step: int) -> Tensor:
        """eps of some rows of the batch of a step, float32 [n, *shape]; `first` draws that of the first block."""
        drawn, size, device = [], NOISE_ROWS[self.device.type], self.device
        for block in range(rows.start // size, math.ceil(rows.stop / size)):
            g = generator(self.config.seed, STEP, step, block, device=device) if block else first
            count = min(size, self.config.optim.batch - block * size)
            drawn.append(torch.randn(count, *shape, generator=g, device=device))
        skipped = rows.start % size
        return torch.cat(drawn)[skipped : skipped + rows.stop - rows.start]
