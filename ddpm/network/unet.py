"""ContextUNet: the network that sees a noisy sprite, its timestep and its context, and predicts eps, x0 or v.

A U of residual blocks (Ho et al. 2020, arXiv:2006.11239). Timestep and context enter every block as a scale and a shift
of its normalised features (adaptive group norm: Dhariwal & Nichol 2021, arXiv:2105.05233, section 4).

Every parameter is made in `__init__` and the output of a sample depends on that sample alone. A layer made inside
`forward`, as the shortcut convolution in the "How Diffusion Models Work" course is, would be random, untrained and
different at each call: the two predictions that guidance subtracts would then come from two different networks.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.network.attention import CrossAttention, SelfAttention, zeroed
from ddpm.network.frames import FEATURES, FrameAttention, Frames, Pointer

SCALE_UNIT = 100.0  # brings guidance scales to the range of timesteps, for which the embedding is made


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10_000.0) -> Tensor:
    """Sines and cosines of t at dim / 2 frequencies (Vaswani et al. 2017): number [B] -> float32 [B, dim]."""
    frequencies = torch.exp(-math.log(max_period) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def group_count(width: int) -> int:
    """Groups of 16 channels where they fit, else one group per 8, 4, ... channels."""
    return width // math.gcd(width, 16)


def convolution(inputs: int, outputs: int, separable: bool) -> nn.Module:
    """One of 3x3; separable: of each channel by itself, then of all at each place (Chollet 2017, arXiv:1610.02357)."""
    if not separable:
        return nn.Conv2d(inputs, outputs, 3, padding=1)
    return nn.Sequential(nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs), nn.Conv2d(inputs, outputs, 1))


class ResidualBlock(nn.Module):
    """x + conv(silu(adaptive_norm(conv(silu(norm(x)))))): [B, inputs, H, W], embedding [B, E] -> [B, outputs, H, W]."""

    def __init__(self, inputs: int, outputs: int, embedding: int, separable: bool = False):
        super().__init__()
        self.norm1 = nn.GroupNorm(group_count(inputs), inputs)
        self.conv1 = convolution(inputs, outputs, separable)
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.norm2 = nn.GroupNorm(group_count(outputs), outputs, affine=False)
        self.conv2 = convolution(outputs, outputs, separable)
        zeroed(list(self.conv2.modules())[-1])  # of two the last alone, or neither would get a gradient
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.shortcut(x) + self.conv2(F.silu(h))


def embedding(count: int, width: int) -> nn.Embedding:
    """nn.Embedding; without values on the meta device, for whose normal numbers torch would import its compiler, which
    takes longer than to sample some sprites."""
    weight = torch.empty(count, width)
    return nn.Embedding.from_pretrained(weight if weight.is_meta else weight.normal_(), freeze=False)


def check_shape(
    widths: Sequence[int], blocks: int, attention: Sequence[int], patch: int, tags: bool, clips: bool, points: bool
) -> None:
    """Raise ValueError for a network that cannot be."""
    if points and (patch > 1 or not clips):
        raise ValueError(f"frames point at single pixels of others, got patches of {patch} and clips = {clips}")
    if not widths or any(w < 8 or w % 8 for w in widths) or blocks < 1:
        raise ValueError(f"widths must be multiples of 8 and blocks at least 1, got {widths} and {blocks}")
    if tags and not any(level < len(widths) for level in attention):
        raise ValueError(f"tags need attention at one of the levels 0 to {len(widths) - 1}, got {list(attention)}")
    if clips and len(widths) - 1 not in attention:
        raise ValueError(f"clips need attention at the lowest level, {len(widths) - 1}, got {list(attention)}")


class ContextUNet(nn.Module):
    """Predicts from (x_t, t, context) an image of the size of x_t.

    channels: 3 (RGB) or 4 (RGBA). outputs: channels of what is predicted; left out, as many.
    places: V, the length of a context row, one for each category and tag; an all-zero row means no context.
    widths: channels of each level, multiples of 8, from full resolution down; height and width halve from level to
    level. blocks: residual blocks a level on the way down, and as many on the way up. attention: levels, counted from
    0, that have self-attention. patch: pixels are first folded into patches of patch x patch (1 = no folding).
    facets: for a model of tags, the number of values of each facet. A context is then a flag for each value, and the
    pixels attend to a token for each facet, at the levels of `attention`. mask_tags: whether tokens of facets left open
    are masked; else they are zeros.
    frames: frames of the longest clips that it is made for; if more than one, rows of a batch may be frames of clips,
    which attend to one another at the levels of `attention`, and in the last block (ddpm/network/frames.py).
    separable: levels whose blocks have separable convolutions (`convolution`), of a fraction of the operations.
    colours: float32 [outputs, channels], if the outputs are logits of colours and the frames of clips are to point at
    pixels of those before them, too; that takes patches of one pixel.
    guided: the network takes a guidance scale too, as students do (Meng et al. 2022, arXiv:2210.03142, section 3).
    Any height and width work; they are padded to a multiple of the stride and cropped again.
    """

    def __init__(
        self,
        channels: int,
        places: int,
        widths: tuple[int, ...] = (64, 64, 96),
        blocks: int = 1,
        attention: tuple[int, ...] = (2,),
        patch: int = 1,
        guided: bool = False,
        facets: tuple[int, ...] = (),
        mask_tags: bool = True,
        outputs: int | None = None,
        frames: int = 1,
        colours: Tensor | None = None,
        separable: tuple[int, ...] = (),
    ):
        super().__init__()
        check_shape(widths, blocks, attention, patch, bool(facets), frames > 1, colours is not None)
        self.channels, self.patch = channels, patch
        self.outputs = outputs or channels
        self.facets, self.mask_tags = facets, mask_tags
        self.stride = patch * 2 ** (len(widths) - 1)
        self.time_features = 64
        E = 4 * self.time_features
        self.embed_time = nn.Sequential(nn.Linear(self.time_features, E), nn.SiLU(), nn.Linear(E, E))
        self.embed_context = nn.Linear(places, E, bias=False)
        self.embed_tag = embedding(places, E) if facets else None
        self.embed_scale = zeroed(nn.Linear(self.time_features, E)) if guided else None
        self.embed_frame = zeroed(nn.Linear(FEATURES, E, bias=False)) if frames > 1 else None

        def block(inputs: int, outputs: int, level: int, last: bool = False) -> nn.ModuleList:
            attend = SelfAttention(outputs) if level in attention else nn.Identity()
            cross = [CrossAttention(outputs, E)] if facets and level in attention else []
            layers = nn.ModuleList([ResidualBlock(inputs, outputs, E, level in separable), attend, *cross])
            if frames > 1 and (level in attention or last):
                layers.add_module("frames", FrameAttention(outputs, everywhere=level == len(widths) - 1))
            return layers

        self.stem = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips = []
        for level, (above, width) in enumerate(pairwise((widths[0], *widths))):
            stage = nn.ModuleList([block(above if i == 0 else width, width, level) for i in range(blocks)])
            self.down.append(stage)
            skips += [width] * blocks
        self.middle = block(widths[-1], widths[-1], len(widths) - 1)
        below = widths[-1]
        for level, width in reversed(list(enumerate(widths))):
            stage = nn.ModuleList()
            for i in range(blocks):
                stage.append(block(below + skips.pop(), width, level, last=level == 0 and i == blocks - 1))
                below = width
            self.up.append(stage)
        self.norm = nn.GroupNorm(group_count(widths[0]), widths[0])
        self.head = zeroed(nn.Conv2d(widths[0], self.outputs * patch**2, 3, padding=1))
        self.pointer = None if colours is None else Pointer(widths[0], colours)
        self.to(memory_format=torch.channels_last)

    @property
    def hidden(self) -> list[nn.Conv2d]:
        """The convolutions between stem and head, but those of single channels, which are no matrices."""
        parts = (self.down, self.middle, self.up)
        return [m for part in parts for m in part.modules() if isinstance(m, nn.Conv2d) and m.groups == 1]

    def embedding(self, t: Tensor, context: Tensor, scale: Tensor | None, frames: Frames | None) -> Tensor:
        """Of all that is known but the image: [B, E]."""
        e = self.embed_time(timestep_embedding(t, self.time_features)) + self.embed_context(context)
        if self.embed_scale is not None:
            assert scale is not None
            e = e + self.embed_scale(timestep_embedding(SCALE_UNIT * scale, self.time_features))
        if frames is not None:
            assert self.embed_frame is not None
            e = e + self.embed_frame(frames.features())
        return F.silu(e)

    def tokens(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """From contexts [B, V]: a token for each facet, the sum of its tags' embeddings, [B, M, E], and which facets
        have any tag, bool [B, M]."""
        flags = context.split(self.facets, dim=1)
        assert self.embed_tag is not None
        embeddings = self.embed_tag.weight.split(self.facets)
        tokens = torch.stack([f @ e for f, e in zip(flags, embeddings, strict=True)], dim=1)
        keep = torch.stack([f.any(1) for f in flags], dim=1)
        return tokens, keep if self.mask_tags else torch.ones_like(keep)

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, scale: Tensor | None = None, frames: Frames | None = None
    ) -> Tensor:
        """x [B, C, H, W], t int64 [B], context [B, V], if guided a scale [B] -> [B, outputs, H, W].

        frames: of a network of clips, which rows are frames of which; without, all are stills.
        """
        height, width = x.shape[-2:]
        h = F.pad(x, (0, -width % self.stride, 0, -height % self.stride))
        if self.patch > 1:
            h = F.pixel_unshuffle(h, self.patch)
        h = self.stem(h.contiguous(memory_format=torch.channels_last))
        embedding = self.embedding(t, context, scale, frames)
        tokens = () if self.embed_tag is None else self.tokens(context)

        def through(block: nn.Module, h: Tensor) -> Tensor:
            residual, attend, *more = block.children()
            h = attend(residual(h, embedding))
            for layer in more:
                h = layer(h, frames) if isinstance(layer, FrameAttention) else layer(h, *tokens)
            return h

        skips = []
        for level, stage in enumerate(self.down):
            if level:
                h = F.avg_pool2d(h, 2)
            for block in stage.children():
                h = through(block, h)
                skips.append(h)
        h = through(self.middle, h)
        for level, stage in enumerate(self.up):
            if level:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            for block in stage.children():
                h = through(block, torch.cat([h, skips.pop()], dim=1))
        out = self.head(F.silu(self.norm(h)))
        if self.patch > 1:
            out = F.pixel_shuffle(out, self.patch)
        out = out[..., :height, :width]
        if self.pointer is None or frames is None:
            return out
        return out + self.pointer(h[..., :height, :width], x, frames)
