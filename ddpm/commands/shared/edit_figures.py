"""What edit.py promises, measured: likeness by strength, seams of masks and of tiles, the way back, the time."""

import time
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import max_pool2d

from ddpm.commands.shared.edits import FRAMED, frame
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_uint8
from ddpm.diffusion.editing import Change, From
from ddpm.evaluation.classifier import told_apart
from ddpm.sampling import Sampler
from sprites.colour import opaque

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BAND = 5  # pixels across, of what is looked at around the border of a mask
Row = dict[str, Any]


def region_masks(count: int, size: int, seed: int) -> Tensor:
    """Random boxes, discs and half planes in turn: bool [count, 1, size, size]."""
    rng, found = np.random.default_rng(seed), np.zeros((count, 1, size, size), bool)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    for i, mask in enumerate(found[:, 0]):
        (cy, cx), (h, w), angle = rng.uniform(0.3, 0.7, 2), rng.uniform(0.15, 0.35, 2), rng.uniform(0, 2 * np.pi)
        box, disc = (abs(y - cy) < h) & (abs(x - cx) < w), np.hypot(y - cy, x - cx) < h
        half = (y - cy) * np.sin(angle) + (x - cx) * np.cos(angle) > 0
        mask[:] = (box, disc, half)[i % 3]
    return torch.from_numpy(found)


def around_border(x: Tensor, mask: Tensor) -> Tensor:
    """What a judge of seams sees: x [N, C, H, W] near the border of its mask, 0 elsewhere, and mask and band."""
    m = mask.float()
    wide, narrow = max_pool2d(m, BAND, 1, BAND // 2), -max_pool2d(-m, BAND, 1, BAND // 2)
    band = (wide > narrow).float()
    return torch.cat([x * band, m, band], 1)


def likeness(sampler: Sampler, condition: Condition, x0: Tensor, scale: float) -> list[Row]:
    """For each strength the share of pixels, of those opaque before or after, that stay."""
    rows, before = [], to_uint8(x0)
    for strength in STRENGTHS:
        after = to_uint8(sampler(condition, scale, range(len(x0)), edit=Change(x0, strength)))
        seen = opaque(before) | opaque(after)
        rows.append({"strength": strength, "pixels that stay": float((before == after).all(-1)[seen].mean())})
    return rows


def seams(sampler: Sampler, condition: Condition, x0: Tensor, scale: float, seed: int) -> list[Row]:
    """Can a network tell borders of masks from the like places in untouched sprites? x0: 2 N sprites, of which the
    second half stays untouched."""
    N, size = len(x0) // 2, x0.shape[-1]
    edited, untouched = x0[:N], x0[N:]
    masks, others = region_masks(N, size, seed), region_masks(N, size, seed + 1)
    own, anew = condition[torch.arange(N)], Change(edited, 1, masks)
    free = Condition(torch.zeros_like(own.contexts), own.scales)
    kinds = {
        "untouched": lambda: edited,
        "the inside from another sprite": lambda: torch.where(masks, edited.roll(1, 0), edited),
        "painted anew, asked for its category": lambda: sampler(own, scale, range(N), edit=anew),
        "painted anew, asked for nothing": lambda: sampler(free, 0.0, range(N), edit=anew),
    }
    rows: list[Row] = []
    for name, made in kinds.items():
        right, error = told_apart(around_border(made(), masks), around_border(untouched, others), seed=seed)
        rows.append({"inside of the mask": name, "told apart": right, "standard error": error})
    return rows


def way_back(sampler: Sampler, condition: Condition, x0: Tensor) -> list[Row]:
    """The share of pixels that come back after the way to the noise and from there again."""
    x_T = sampler.inverted(x0, condition, range(len(x0)))
    after, before = to_uint8(sampler(condition, 1.0, range(len(x0)), edit=From(x_T))), to_uint8(x0)
    return [{"steps": len(sampler.timesteps), "pixels that come back": float((after == before).all(-1).mean())}]


def times(sampler: Sampler, condition: Condition, x0: Tensor, scale: float) -> list[Row]:
    """Seconds for as many sprites from nothing, changed by a strength of 0.5, and painted anew in a mask."""
    masks, rows = region_masks(len(x0), x0.shape[-1], 0), []
    for name, edit in (("from nothing", None), ("strength 0.5", Change(x0, 0.5)), ("in a mask", Change(x0, 1, masks))):
        start = time.perf_counter()
        sampler(condition, scale, range(len(x0)), edit=edit)
        rows.append({f"{len(x0)} sprites": name, "seconds": time.perf_counter() - start})
    return rows


def textures(count: int, size: int, colours: Tensor, seed: int) -> Tensor:
    """Patches of ground whose edges do not fit, in four colours each: [count, C, size, size]."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        slope = np.add.outer(*rng.uniform(-1, 1, (2, 1)) * np.linspace(0, 0.5, size))
        height = gaussian_filter(rng.standard_normal((size, size)), 1.2) + slope
        shade = np.searchsorted(np.quantile(height, (0.25, 0.5, 0.75)), height)
        four = colours[rng.permutation(len(colours))[:4]]
        found.append(four[four.sum(1).argsort()][torch.from_numpy(shade)].movedim(-1, 0))
    return torch.stack(found)


def seam(x: Tensor) -> tuple[float, float]:
    """Mean differences of neighbours over the edge of sprites laid side by side, and within them."""
    inner = [(x.diff(dim=axis)).abs().mean().item() for axis in (-1, -2)]
    over = [(x.select(axis, 0) - x.select(axis, -1)).abs().mean().item() for axis in (-1, -2)]
    return sum(over) / 2, sum(inner) / 2


def tiling(sampler: Sampler, condition: Condition, x0: Tensor, seed: int) -> list[Row]:
    """Seams of ground in colours of sprites x0, before and after --tile."""
    size, N = x0.shape[-1], len(x0)
    seen = x0.movedim(1, -1).flatten(0, 2)
    x0 = textures(N, size, seen[seen[:, -1] > 0] if x0.shape[1] == 4 else seen, seed)
    mask = torch.from_numpy(frame(size, True, True)).expand(N, 1, -1, -1)
    edit = Change(x0, FRAMED, mask, filled=x0.shape[1] == 4)
    kinds = {"as it is": x0, "made to fit": sampler(condition, 0.0, range(N), edit=edit)}
    return [{"ground": name, "over the edge": seam(x)[0], "within": seam(x)[1]} for name, x in kinds.items()]
