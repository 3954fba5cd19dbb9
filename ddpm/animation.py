"""Clips: a model of frames, a `Condition` and a `Sampling` become walks, one frame after another, as a decoder writes.

Each frame is sampled as a still is, by a denoiser that has seen the frames before it. Of those the network keeps its
keys and values (ddpm/network/frames.py), so that a step of a frame costs what one of a still costs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from einops import rearrange
from torch import Tensor, nn

from ddpm.config import Sampling
from ddpm.context.completion import Completion
from ddpm.context.condition import Condition
from ddpm.data.order import CONDITIONS, generator
from ddpm.diffusion.guidance import with_away
from ddpm.diffusion.prediction import ContextDenoiser, stratified_timesteps
from ddpm.diffusion.samplers import SampleNoise
from ddpm.diffusion.schedule import timestep_grid
from ddpm.network.attention import causal_mask
from ddpm.network.frames import Frames, Memory
from ddpm.runs.models import Model
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler, ignore, network_denoiser
from ddpm.system.devices import autocast_dtype, on_cores, shares

LEAD = 2  # the first frames of all have specks that those after them, which have seen some, have fewer of
LEAD_STILL = 1  # where a model of stills draws the first of all
# A frame that has seen others takes so many times fewer steps, and is guided at this scale at most: what it is to show
# it sees. But not where it is guided over the frames before.
FOLLOWING, FOLLOWING_SCALE = 3, 1.0
LOOKS = 16  # noises under which a given frame is looked at, to find which step it is

OnFrames = Callable[[int], object]  # is told how many more frames are done, for a bar


class Past:
    """The frames of B clips that are done, as the network remembers them for those of the contexts [B, M, V] that are
    asked for after the first frame, bool [B, M].

    A context gets a column more, by which the network finds its memory: with it guidance is the same as for stills.
    """

    def __init__(self, strong: ContextDenoiser, contexts: Tensor, asked: Tensor, cycle: int, most: int) -> None:
        self.strong, self.contexts, self.cycle, self.most = strong, contexts[asked], cycle, most
        self.sample = asked.nonzero()[:, 0]  # of each row of the contexts that are left, [n]
        self.row = torch.where(asked, asked.flatten().cumsum(0).view_as(asked) - 1, -1)  # of each context, [B, M]
        self.memory, self.count = Memory(), 0

    def denoiser(self, place: Tensor) -> ContextDenoiser:
        """Of the frame after these, which is at these steps of the cycle, [B]: (x_t [n, C, H, W], t [n], contexts
        [n, V + 1]) -> x0_hat, where the last column is the row in `contexts`, or -1 for one that sees no past."""
        places = place[self.sample]

        def denoise(x_t: Tensor, t: Tensor, contexts: Tensor) -> Tensor:
            row = contexts[:, -1].long()
            frames = self.frames(places[row.clamp(min=0)], row.clamp(min=0), row >= 0)
            return self.strong(x_t, t, contexts[:, :-1], frames=frames)

        return denoise

    def frames(self, place: Tensor, row: Tensor, sees: Tensor, remember: Memory | None = None) -> Frames:
        """One frame for each of n rows of `contexts`; sees: whether it sees the past, bool [n]."""
        seen = torch.cat([sees[:, None].expand(-1, self.count), torch.ones_like(sees)[:, None]], 1)[:, None]
        length = torch.full_like(place, self.cycle)
        return Frames(place, length, seen, self.memory[row] if self.count else None, remember)

    def add(self, x0: Tensor, place: Tensor) -> None:
        """Remember a frame x0 [B, C, H, W] that is done, and forget those too long ago."""
        row, remember = torch.arange(len(self.contexts), device=x0.device), Memory()
        frames = self.frames(place[self.sample], row, torch.ones_like(row, dtype=torch.bool), remember)
        self.strong(x0[self.sample], torch.zeros_like(row), self.contexts, frames=frames)
        self.count += 1
        keep = min(self.count, self.most)
        self.memory, self.count = remember.last(keep, self.count), keep


def told(condition: Condition, row: Tensor, scale: Tensor, history: float | None) -> Condition:
    """A condition of B rows whose contexts say which row of `Past` they are, [B, M], the first of each sample being the
    one to go away from.

    history: None, and all predictions see the frames before; so s guides over the contexts alone. A number h, and it is
    guided over them apart (as two conditions are in Brooks et al. 2023, arXiv:2211.09800, eq. 3):

        out = f(none) + s (f(context) - f(none)) + h (f(context, past) - f(context))

    which is a composition: s times (1 - h / s) of a context without the past, and h / s of one with it.
    """
    contexts, _ = with_away(condition)
    sighted, blind = (torch.cat([contexts, r[..., None].to(contexts)], -1) for r in (row, torch.full_like(row, -1)))
    if history is None:
        return Condition(sighted[:, 1:], condition.scales, sighted[:, 0])
    share = (history / scale)[:, None]
    scales = torch.cat([condition.scales * (1 - share), condition.scales * share], 1)
    return Condition(torch.cat([blind[:, 1:], sighted[:, 1:]], 1), scales, blind[:, 0])


def check_stills(spec: ModelSpec, stills: ModelSpec) -> None:
    """Raise ValueError unless a model of `stills` can draw the first frames of clips of `spec`."""
    ours, theirs = (replace(s.of_stills(), model=spec.model, style=None) for s in (spec, stills))
    if ours != theirs:
        raise ValueError(
            f"first frames are of {spec.describe()}, the model that is to draw them is for {stills.describe()}, or its "
            "tags, colours or noise differ"
        )
    if not spec.at_step(torch.zeros(1, dtype=torch.int64)).any():
        raise ValueError("no tag of the model says which step of its cycle a still shows, so none can be a first frame")


class Animator:
    """A model of clips made ready once, to sample clips for any conditions at any scales, on the device it is on.

    sampling: as of `Sampler`; `colours` counts over a clip. stills: a model that draws the very first frame, which has
    seen no others, in place of this one. Raises ValueError for a model of stills, for `stills` that cannot be asked for
    the same, and as `Sampler`.
    """

    def __init__(
        self, model: nn.Module, spec: ModelSpec, sampling: Sampling | None = None, stills: Model | None = None
    ) -> None:
        if spec.model.frames == 1:
            raise ValueError(
                "the model was trained on stills alone, and knows no frames; take walks, which comes along, or train "
                "one with configs/walks.toml"
            )
        self.spec, self.sampler = spec, Sampler(model, spec, sampling)
        self.device, self.guide = self.sampler.device, self.sampler.guide
        self.model, self.diffusion = model, self.sampler.diffusion
        self.stills: ContextDenoiser | None = None
        if stills:
            check_stills(spec, stills[1])
            autocast = autocast_dtype(self.sampler.sampling.precision, self.device)
            self.stills = network_denoiser(stills[0].to(self.device), self.diffusion, autocast)
        if self.sampler.sampling.complete:
            self.sampler.completion = Completion(spec.places, spec.together, only=spec.moves)
        steps = math.ceil(len(self.guide.timesteps) / FOLLOWING)
        self.following = timestep_grid(self.guide.sampling.grid, self.guide.schedule, steps).to(self.device)

    @torch.no_grad()
    def batch(
        self,
        condition: Condition,
        scale: Tensor,
        indices: Sequence[int],
        frames: int,
        history: float | None,
        given: Tensor | None,
        start: Tensor,
        lead: int,
        on_frames: OnFrames = ignore,
    ) -> Tensor:
        """Sample B clips at once; see `__call__`."""
        spec, seed, scale = self.spec, self.sampler.sampling.seed, scale.to(self.device)
        first = torch.empty(len(condition), 0, spec.channels, spec.size, spec.size) if given is None else given
        if not first.shape[1]:  # else the given frames tell what is open
            condition = self.sampler.completion.of(condition, scale, seed, indices)
        condition = condition.only(spec.lasting).to(self.device)
        noise = SampleNoise(seed, indices, self.device)
        contexts, weights = with_away(condition)
        after, needed, cycle = scale, torch.ones_like(weights, dtype=torch.bool), spec.model.frames
        if history is None:
            after = scale.clamp(max=FOLLOWING_SCALE)
            needed = (weights != 0) | (after != 1)[:, None]
        past = Past(self.guide.strong, contexts, needed, cycle, most=cycle - 1)
        asked, done = told(condition, past.row, scale, history), []
        for frame in range(-lead, frames):
            place = (start.to(self.device) + frame) % cycle
            if 0 <= frame < first.shape[1]:
                x = first[:, frame].to(self.device)
            elif self.stills and not past.count:
                still = condition.asking(spec.at_step(place))
                x = self.sampler.run(self.guide.around(self.stills, still, scale), noise)
            else:
                timesteps = self.following if past.count and history is None else None
                at = after if past.count else scale
                # Outside of an interval its weights would still be those for the whole scale.
                denoise = self.guide.around(past.denoiser(place), asked, at, everywhere=history is not None)
                x = self.sampler.run(denoise, noise, timesteps=timesteps)
            done.append(x)
            on_frames(len(x) if frame >= 0 else 0)
            if frame + 1 < frames:
                past.add(x, place)  # as it is: what is doubtful is settled in the end, for the clip as a whole
        return self.as_one(torch.stack(done[lead:], 1), first.to(self.device))

    def as_one(self, clips: Tensor, given: Tensor) -> Tensor:
        """Clips [B, F, C, H, W] as pixel art, of which the given frames [B, G, C, H, W] stay as they are. A colour must
        be worth its price in half of the frames."""
        art = self.sampler.pixel_art
        art = replace(art, price=art.price * max(1, clips.shape[1] / 2))
        strip = art(rearrange(clips, "b f c h w -> b c h (f w)"))
        clips = rearrange(strip, "b c h (f w) -> b f c h w", f=clips.shape[1])
        return torch.cat([given, clips[:, given.shape[1] :]], 1)

    def __call__(
        self,
        condition: Condition,
        scale: float | Tensor,
        indices: Sequence[int],
        frames: int,
        *,
        history: float | None = None,
        given: Tensor | None = None,
        start: int | Tensor = 0,
        lead: int | None = None,
        on_frames: OnFrames = ignore,
        batch: int | None = None,
    ) -> Tensor:
        """Sample one clip for each of N conditions: x0 [N, frames, C, H, W] in [-1, 1].

        scale: guidance scale s, one number or [N]. history: that over the frames before, or None for no guidance over
        them (see `told`). indices: N numbers, of which each, with the seed, fixes the noise of its clip. given:
        [N, G, C, H, W], the first G frames, which stay exactly so. start: the step of the cycle that the first frame
        shows, one number or [N]. lead: frames that are sampled before it, for it to see, and left out; or None for
        `LEAD`, or `LEAD_STILL`, and for none before given frames. There may be more frames than the model was trained
        with: each sees as many before it as in training.

        Raises ValueError for numbers that do not fit, and for guidance over history where there is none over contexts.
        """
        condition.check_indices(indices)
        scales, starts = condition.each(scale, "guidance scale").float(), condition.each(start, "start")
        N = len(condition)
        count = 0 if given is None else given.shape[1]  # frames that are given
        if given is not None and (len(given) != N or count >= frames):
            raise ValueError(
                f"{N} clips of {frames} frames can have up to {frames - 1} given frames each, got {len(given)} times "
                f"{count}"
            )
        if lead is None:
            lead = 0 if count else LEAD_STILL if self.stills else LEAD
        if lead < 0 or (lead and count):
            raise ValueError(f"lead must be 0 or more, and 0 before given frames, got {lead}")
        if history is not None and not (scales > 0).all():
            raise ValueError("guidance over the frames before (history) needs guidance scales above 0")

        def sample(rows: Tensor) -> Tensor:
            clips, some = None if given is None else given[rows], [indices[i] for i in rows]
            these = condition[rows], scales[rows], some, frames, history, clips, starts[rows], lead, on_frames
            return self.batch(*these)

        done = []
        for rows in torch.arange(N).split(batch or self.sampler.at_once):
            done += on_cores(sample, rows.tensor_split(shares(len(rows), self.device)))
        return torch.cat(done)

    @torch.no_grad()
    def phase(self, given: Tensor, condition: Condition) -> Tensor:
        """Which step of the cycle the first of the given frames [N, G, C, H, W] shows, int64 [N]: the one under which
        the model's loss of these frames is lowest, since it has a loss for each (Li et al. 2023, arXiv:2303.16203).

        Only the first context of each condition is looked at.
        """
        cycle, G = self.spec.model.frames, given.shape[1]
        g = generator(self.sampler.sampling.seed, CONDITIONS)
        t = stratified_timesteps(LOOKS, len(self.guide.schedule), g)
        eps = torch.randn(LOOKS, *given.shape[1:], generator=g)
        sees, losses = causal_mask(G)[None], []
        contexts = condition.only(self.spec.lasting).contexts[:, 0]
        for clip, context in zip(given, contexts, strict=True):
            place = (torch.arange(cycle)[:, None, None] + torch.arange(G)).expand(-1, LOOKS, -1) % cycle
            x0, noise = (x.repeat(cycle, 1, 1, 1) for x in (clip.repeat(LOOKS, 1, 1, 1), eps.flatten(0, 1)))
            rows = len(x0)
            places = torch.stack([place.flatten(), torch.full((rows,), cycle)]).to(self.device)
            frames = Frames(places[0], places[1], sees.to(self.device))
            told = (x0, context.expand(rows, -1), t.repeat_interleave(G).repeat(cycle), noise)
            loss = self.diffusion.loss(self.model, *(x.to(self.device) for x in told), frames=frames)
            losses.append(loss.view(cycle, -1).mean(1).cpu())
        return torch.stack(losses).argmin(1)
