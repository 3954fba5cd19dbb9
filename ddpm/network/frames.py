"""Attention over time: the frames of a clip see themselves and the frames before them, as words of a text do. What is
seen are features of the other frames (`FrameAttention`), and their pixels themselves (`Pointer`).

The network takes the frames of clips as rows of a batch, and knows of the others of a clip by this attention alone. A
still is a clip of one frame. Because no frame sees a later one, all are trained in one pass, and sampled one after the
other: what a pass over all frames says of frame i is what a pass over frames 0 to i says.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ddpm.network.attention import attention, zeroed

AROUND = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # dy, dx of the places of other frames that a place points at
HARMONICS = 8  # of the angle that a step is in its cycle
FEATURES = 2 * HARMONICS + 16


@dataclass
class Memory:
    """Keys and values of frames that are done, by the attention that made them: each [G, heads, frames, D]. Those of a
    `Pointer` have places in place of heads, and its values are numbers of colours."""

    kept: dict[nn.Module, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __getitem__(self, rows: Tensor) -> "Memory":
        """Of some of the G clips, int64 [n]."""
        return Memory({layer: (k[rows], v[rows]) for layer, (k, v) in self.kept.items()})

    def last(self, count: int, of: int) -> "Memory":
        """Of the last `count` of its frames, of which there are `of`."""

        def end(x: Tensor) -> Tensor:
            return x[:, :, -(x.shape[2] // of * count) :]

        return Memory({layer: (end(k), end(v)) for layer, (k, v) in self.kept.items()})


@dataclass(frozen=True, eq=False)
class Frames:
    """Of which clips the N rows of a batch are frames: G clips of F frames each, one clip after the other."""

    position: Tensor
    """Which step of its cycle a row is, counted from 0: [N]."""
    length: Tensor
    """Steps of its cycle, [N]; 0: neither is told, as of a still."""
    sees: Tensor
    """Which frames each frame sees, bool [G or 1, F, M + F], where M frames are in `memory`; itself it sees always."""
    memory: Memory | None = None
    """Frames before these."""
    remember: Memory | None = None
    """Gets the keys and values of these frames too, after those in `memory`."""

    @property
    def alone(self) -> bool:
        """Whether each row is the first frame of its clip, and none is to come that sees it: all it sees is itself."""
        return self.sees.shape[1] == 1 and not self.memory and self.remember is None

    def features(self) -> Tensor:
        """float32 [N, FEATURES]: where a row is in its cycle, and how long that is; zeros where it is not told.

        Of the angle 2 pi position / length, so that the step after the last is the first again.
        """
        angle = 2 * math.pi * self.position / self.length.clamp(min=1)
        order = torch.arange(1, HARMONICS + 1, device=angle.device)
        periods = 2.0 ** torch.arange(1, 9, device=angle.device)
        turns = torch.cat([angle[:, None] * order, 2 * math.pi * self.length[:, None] / periods], 1)
        return torch.cat([turns.cos(), turns.sin()], 1) * (self.length > 0)[:, None]


class FrameAttention(nn.Module):
    """Residual attention over the frames of a clip, [N, C, H, W] -> the same; starts as the identity.

    everywhere: a place sees all places of the frames that its frame sees; else the same place of them.
    """

    def __init__(self, width: int, everywhere: bool):
        super().__init__()
        self.heads, self.everywhere = width // math.gcd(width, 32), everywhere
        self.norm = nn.GroupNorm(1, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, frames: Frames | None) -> Tensor:
        """Without frames each row is a still, which sees itself."""
        frames = None if frames is None or frames.alone else frames
        if frames is None and not self.everywhere:  # a place that sees itself alone
            (*_, weight), (*_, bias) = (p.chunk(3) for p in self.qkv.parameters())
            return x + self.out(F.conv2d(self.norm(x), weight, bias))
        h, w = x.shape[-2:]
        count = 1 if frames is None else frames.sees.shape[1]
        # The same place of other frames: each place is a head of its own. All places: they follow one another in time.
        inside = "g heads (f h w) d" if self.everywhere else "g (heads h w) f d"
        q, k, v = rearrange(
            self.qkv(self.norm(x)),
            f"(g f) (three heads d) h w -> three {inside}",
            three=3,
            heads=self.heads,
            f=count,
        )
        mask = None
        if frames is not None:
            if frames.memory:
                k, v = (torch.cat([old, new], 2) for old, new in zip(frames.memory.kept[self], (k, v), strict=True))
            if frames.remember is not None:
                frames.remember.kept[self] = k, v
            mask = frames.sees[:, None]
            if self.everywhere:
                mask = mask.repeat_interleave(h * w, 2).repeat_interleave(h * w, 3)
        y = rearrange(attention(q, k, v, mask), f"{inside} -> (g f) h w (heads d)", heads=self.heads, h=h, w=w)
        return x + self.out(y.movedim(-1, 1))


class Pointer(nn.Module):
    """Points at pixels of the frames before, at the same place and next to it, whose colour this pixel may have too, as
    the pointers of See et al. 2017 (arXiv:1704.04368) do at words to copy.

    It is attention whose values are colours themselves: what it gives to a token is added, times a strength, to the
    logit of the token's colour. It may also be given to nothing. The strengths are 0 at the start.
    """

    HEADS, WIDTH = 2, 16
    UNIT = 10.0  # of the strengths, so that they are as fast to learn as other parameters

    levels: Tensor

    def __init__(self, width: int, colours: Tensor):
        """colours: float32 [K, C] in [-1, 1], as pixels are."""
        super().__init__()
        # As bytes, which stay what they are in a network of lower precision.
        self.register_buffer("levels", ((colours + 1) * 127.5).round().byte(), persistent=False)
        self.norm = nn.GroupNorm(1, width)
        self.qk = nn.Conv2d(width, 2 * self.HEADS * self.WIDTH, 1)
        self.around = nn.Parameter(torch.zeros(len(AROUND), self.HEADS * self.WIDTH))
        self.strength = nn.Parameter(torch.zeros(self.HEADS))

    def nearest(self, x: Tensor) -> Tensor:
        """Which colour is nearest to each pixel of x [N, C, H, W]: whole numbers in float32, as a memory of frames is
        kept, [N, 1, H, W]."""
        colours = self.levels.to(x) / 127.5 - 1
        return (2 * x.movedim(1, -1) @ colours.mT - colours.square().sum(1)).argmax(-1)[:, None].float()

    def forward(self, h: Tensor, x: Tensor, frames: Frames) -> Tensor:
        """Features h [N, width, H, W] and pixels x [N, C, H, W] -> what is added to logits, [N, K, H, W]."""
        size, count = (x.shape[-2], x.shape[-1]), frames.sees.shape[1]
        if frames.alone and not torch.is_grad_enabled():  # else all parameters are to get a gradient, be it zero
            return h.new_zeros(len(x), len(self.levels), *size)
        with torch.autocast(x.device.type, enabled=False):
            colour = self.nearest(x)
        q, k, v = (
            rearrange(part, "(g f) d h w -> g (h w) f d", f=count)
            for part in (*self.qk(self.norm(h)).chunk(2, 1), colour)
        )
        if frames.memory:
            k, v = (torch.cat([old, new], 2) for old, new in zip(frames.memory.kept[self], (k, v), strict=True))
        if frames.remember is not None:
            frames.remember.kept[self] = k, v
        # A token for each place around and each frame; before them a token of zeros, which is nothing.
        k = F.pad(rearrange(neighbours(k, size) + self.around[:, None].to(k), "g p o f d -> g p (o f) d"), (0, 0, 1, 0))
        q, k = (rearrange(y, "g p n (heads d) -> g p heads n d", heads=self.HEADS) for y in (q, k))
        itself = torch.eye(count, dtype=torch.bool, device=x.device)
        before = frames.sees & ~F.pad(itself, (frames.sees.shape[2] - count, 0))
        mask = F.pad(before.repeat(1, 1, len(AROUND)), (1, 0), value=True)[:, None, None]
        scores = (q @ k.mT).float() * self.WIDTH**-0.5
        weights = scores.masked_fill(~mask, -math.inf).softmax(-1)[..., 1:]
        given = (weights * self.UNIT * self.strength.float()[:, None, None]).sum(2)
        token = rearrange(neighbours(v, size), "g p o f 1 -> g p 1 (o f)").long().expand_as(given)
        logits = given.new_zeros(*given.shape[:3], len(self.levels)).scatter_add(-1, token, given)
        return rearrange(logits, "g (h w) f c -> (g f) c h w", h=size[0])


def neighbours(y: Tensor, size: tuple[int, int]) -> Tensor:
    """Of each place what is at the places `AROUND` it, beyond the edge that of the edge: [G, (H W), F, D] ->
    [G, (H W), 5, F, D]. size: H, W."""
    (h, w), wide = size, y.unflatten(1, size)
    wide = torch.cat([wide[:, :1], wide, wide[:, -1:]], 1)
    wide = torch.cat([wide[:, :, :1], wide, wide[:, :, -1:]], 2)
    return torch.stack([wide[:, 1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] for dy, dx in AROUND], 3).flatten(1, 2)
