"""A model, a `Condition` and a `Sampling` become sprites: denoiser, guidance, time grid and sampler put together."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ddpm.config import SamplerName, Sampling
from ddpm.context.completion import Completion
from ddpm.context.condition import Condition
from ddpm.data.pixel_art import PixelArt, Style
from ddpm.data.tensors import to_uint8
from ddpm.diffusion.colours import Colours
from ddpm.diffusion.editing import Change, Edit, inverted
from ddpm.diffusion.forms import USUAL, build, guided_at, parse_form
from ddpm.diffusion.guidance import OnGap
from ddpm.diffusion.prediction import ContextDenoiser, Denoiser, Diffusion
from ddpm.diffusion.projection import projected
from ddpm.diffusion.samplers import FRESH, OTHERS, SAMPLERS, STEPS, OnStep, SampleNoise
from ddpm.diffusion.schedule import timestep_grid
from ddpm.runs.spec import ModelSpec
from ddpm.system.devices import autocast_dtype, on_cores, shares
from ddpm.system.distributed import gather, highest, join_shares, main_first, own, world
from sprites.colour import count_colours, from_hexadecimals, hexadecimals
from sprites.files import plural
from sprites.palettes import asked_palette

BATCH = {"cpu": 128, "cuda": 2048}  # sprites sampled at a time
# Sprites from which a palette of so many colours is chosen, or the price of a colour, and their guidance scale.
PILOTS, PILOT_SCALE = 128, 2.0
PRICES = 0.25, 8.0  # of a colour

OnSprites = Callable[[int], object]  # is told how many more are done, for a bar


def ignore(count: int) -> None:
    """An `OnSprites` of sampling that nobody watches."""


def usual(spec: ModelSpec, sampler: SamplerName = "auto") -> tuple[str, int]:
    """The sampler that suits a model, if it is left to choose, and its number of steps, of as many as there are.

    Where colours or x0 are predicted, noise that is drawn anew at each step lets the network revise what it has decided
    too early (docs/experiments.md).
    """
    if sampler == "auto":
        sampler = "dpmpp_2m_sde" if spec.prediction in ("colours", "x0") else "dpmpp_2m"
    return sampler, min(STEPS.get(sampler, OTHERS), spec.diffusion.timesteps)


class Guide:
    """How a model is guided: by a form of guidance, along a grid of timesteps."""

    def __init__(
        self, spec: ModelSpec, sampling: Sampling, strong: ContextDenoiser, weak: ContextDenoiser | None
    ) -> None:
        self.schedule = spec.build_diffusion().schedule
        sampler, steps = usual(spec, sampling.sampler)
        steps = steps if sampling.steps is None else sampling.steps
        self.timesteps = timestep_grid(sampling.grid, self.schedule, steps)
        form = sampling.form if sampling.form != USUAL else "interval" if sampler in FRESH else "cfg"
        self.sampling = replace(sampling, steps=steps, sampler=sampler, form=form)
        self.form, self.strong, self.weak = parse_form(form), strong, weak
        if not self.guided(self.timesteps).any():  # the interval holds none of so few steps
            self.form.pop("interval")
        if "auto" in self.form and weak is None:
            raise ValueError("the form auto needs a weak network to guide away from")

    def guided(self, timesteps: Tensor) -> Tensor:
        """bool [S]: at which of timesteps int64 [S] a scale above 1 counts."""
        return guided_at(self.form, self.schedule, timesteps)

    def check(self, condition: Condition, edit: Edit | None = None) -> None:
        """Raise ValueError for a condition or an edit that this model cannot take."""

    def denoiser(self, condition: Condition, scale: Tensor, on_gap: OnGap | None) -> Denoiser:
        """The guided denoiser of one batch."""
        return self.around(self.strong, condition, scale, on_gap)

    def around(
        self,
        strong: ContextDenoiser,
        condition: Condition,
        scale: Tensor,
        on_gap: OnGap | None = None,
        everywhere: bool = False,
    ) -> Denoiser:
        """The same, of another denoiser than that of the network alone. everywhere: at all steps, in no interval."""
        form = {name: change for name, change in self.form.items() if not (everywhere and name == "interval")}
        return build(form, strong, condition, scale, self.schedule, weak=self.weak, on_gap=on_gap)


def knots(spec: ModelSpec) -> Tensor:
    """Timesteps of a student, int64 [S]: those of its teacher's grid between which it goes in one step."""
    assert spec.student
    grid = timestep_grid(Sampling.grid, spec.build_diffusion().schedule, spec.student.teacher_steps)
    return grid[list(spec.student.knots)]


class StudentGuide(Guide):
    """How a student goes (ddpm/training/distillation.py): from knot to knot by DDIM, the scale being an input."""

    def __init__(self, spec: ModelSpec, sampling: Sampling, strong: ContextDenoiser, weak: object = None) -> None:
        assert spec.student
        same = {name: getattr(sampling, name) for name in ("precision", "seed", "palette", "colours", "complete")}
        plain = Sampling(**same)
        if changed := [name for name, value in vars(sampling).items() if value != vars(plain)[name]]:
            raise ValueError(
                f"the model is a student of {len(spec.student.knots)} steps, which has its own sampler, steps, grid "
                f"and form of guidance; leave out {', '.join(f'--{name}' for name in changed)}"
            )
        super().__init__(spec, replace(plain, sampler="ddim", steps=spec.student.teacher_steps), strong, None)
        self.timesteps = knots(spec)
        self.sampling = replace(self.sampling, steps=len(self.timesteps))

    def check(self, condition: Condition, edit: Edit | None = None) -> None:
        if isinstance(edit, Change) and edit.strength not in (0, 1):
            raise ValueError(
                f"a student knows {len(self.timesteps)} levels of noise, not that of strength {edit.strength:g}; edit "
                "with its teacher, or at strength 1"
            )
        if condition.away is not None or condition.scales.shape[1] > 1:
            raise ValueError(
                "a student has learnt one context at a time: it takes no sum of several and no negative one"
            )

    def denoiser(self, condition: Condition, scale: Tensor, on_gap: OnGap | None) -> Denoiser:
        context, scale = condition.contexts[:, 0], scale * condition.scales[:, 0]
        return lambda x_t, t: self.strong(x_t, t, context, scale)


def network_denoiser(network: nn.Module, diffusion: Diffusion, autocast: torch.dtype | None) -> ContextDenoiser:
    """A network as a denoiser, in a lower precision if `autocast` names one."""
    if autocast:  # or the weights would be cast anew at every call
        network = copy.deepcopy(network).to(autocast)
    return diffusion.denoiser(network, autocast)


class Sampler:
    """A model made ready once, to sample any conditions at any scales, on the device that it is on.

    sampling: the settings; in `self.sampling` they are resolved. weak: the network that the form auto goes away from.
    Raises ValueError for more steps than the model has, for the form auto without `weak`, and for settings that a
    student does not follow.
    """

    def __init__(
        self, model: nn.Module, spec: ModelSpec, sampling: Sampling | None = None, weak: nn.Module | None = None
    ) -> None:
        sampling = sampling or Sampling()
        self.spec, self.device = spec, next(model.parameters()).device
        self.at_once = BATCH[self.device.type]
        self.diffusion = diffusion = spec.build_diffusion().to(self.device)
        autocast = autocast_dtype(sampling.precision, self.device)
        strong = network_denoiser(model, diffusion, autocast)
        weaker = None if weak is None else network_denoiser(weak.to(self.device), diffusion, autocast)
        self.guide = (StudentGuide if spec.student else Guide)(spec, sampling, strong, weaker)
        self.sampling, self.schedule = self.guide.sampling, diffusion.schedule
        self.timesteps = self.guide.timesteps.to(self.device)
        self.completion = Completion(spec.places, spec.together if sampling.complete else [])
        style, most = spec.style or Style(0, 1.0), sampling.colours
        if spec.style and sampling.palette == "auto":
            most = most or style.colours
        palette = from_hexadecimals(spec.palette) if spec.palette else None
        self.pixel_art = PixelArt(palette, most, style.orphans, style.price)
        self.towards: Colours | None = None
        """The palette that x0_hat is drawn to, where the model does not keep to it by itself."""
        if sampling.palette == "none":
            self.pixel_art = replace(self.pixel_art, palette=None)
        elif sampling.palette != "auto":
            palette = asked_palette(sampling.palette, lambda: to_uint8(self.pilots()))
            self.pixel_art = replace(self.pixel_art, palette=palette)
            self.towards = Colours(hexadecimals(palette), spec.channels)

    def pilots(self) -> Tensor:
        """Sprites of the model by these settings, whatever is sampled later, to choose something by: x [N, C, H, W], as
        many of each category."""
        return self.per_category(PILOT_SCALE, -(-PILOTS // len(self.spec.categories)))[0]

    @torch.no_grad()
    def batch(
        self,
        condition: Condition,
        scale: Tensor,
        indices: Sequence[int],
        on_step: OnStep | None = None,
        on_gap: OnGap | None = None,
        edit: Edit | None = None,
    ) -> Tensor:
        """Sample B sprites at once, at guidance scales [B]; see `__call__`."""
        seed = self.sampling.seed
        if not edit:  # what is open in an edit, the sprite tells
            condition = self.completion.of(condition, scale, seed, indices)
        noise = SampleNoise(seed, indices, self.device)
        denoise = self.guide.denoiser(condition.to(self.device), scale.to(self.device), on_gap)
        x = self.pixel_art(self.run(denoise, noise, on_step, edit))
        return edit.keep(x) if edit else x

    def run(
        self,
        denoise: Denoiser,
        noise: SampleNoise,
        on_step: OnStep | None = None,
        edit: Edit | None = None,
        timesteps: Tensor | None = None,
    ) -> Tensor:
        """From noise to x0 [B, C, H, W] by a denoiser, before it is made pixel art. timesteps: others than usual."""
        x = noise((self.spec.channels, self.spec.size, self.spec.size))
        timesteps = self.timesteps if timesteps is None else timesteps
        if self.towards:
            denoise = projected(denoise, self.towards, timesteps, self.schedule, noise)
        sample = SAMPLERS[self.sampling.sampler]
        if edit:
            sample = edit.around(sample)
        return sample(denoise, x, timesteps, self.schedule, noise, on_step)

    def __call__(
        self,
        condition: Condition,
        scale: float | Tensor,
        indices: Sequence[int],
        *,
        batch: int | None = None,
        on_sprites: OnSprites = ignore,
        on_step: OnStep | None = None,
        on_gap: OnGap | None = None,
        edit: Edit | None = None,
    ) -> Tensor:
        """Sample one sprite for each of N conditions: x0 [N, C, H, W] in [-1, 1].

        scale: guidance scale s, one number or [N]. indices: N numbers, of which each, with the seed, fixes the noise of
        its sprite: the same index gives the same noise for any condition, scale, form and grid. batch: how many are
        sampled at a time, which changes nothing but memory and speed. `on_step` and `on_gap` are called for each batch.
        edit: N rows, if sprites are changed rather than made (ddpm/diffusion/editing.py).

        Raises ValueError for other numbers of indices or scales, and for a sum, something to go away from or a strength
        between 0 and 1 where the model is a student.
        """
        condition.check_indices(indices)
        self.guide.check(condition, edit)
        scales, done = condition.each(scale, "guidance scale").float(), []

        def sample(rows: Tensor) -> Tensor:
            change = edit[rows] if edit else None
            return self.batch(condition[rows], scales[rows], [indices[i] for i in rows], on_step, on_gap, change)

        for rows in torch.arange(len(condition)).split(batch or self.at_once):
            watched = on_step is not None or on_gap is not None  # of whole batches
            done += on_cores(sample, rows.tensor_split(1 if watched else shares(len(rows), self.device)))
            on_sprites(len(rows))
        return torch.cat(done)

    def inverted(self, x0: Tensor, condition: Condition, indices: Sequence[int]) -> Tensor:
        """Noises x_T [N, C, H, W] from which the sampler ddim, at guidance scale 1, comes to sprites x0."""
        denoise = self.guide.denoiser(condition.to(self.device), torch.ones(len(x0), device=self.device), None)
        noise = SampleNoise(self.sampling.seed, indices, self.device)
        return inverted(denoise, x0.to(self.device), self.timesteps, self.schedule, noise)

    def together(self, condition: Condition, scale: float | Tensor, indices: Sequence[int], **watched: Any) -> Tensor:
        """As `__call__`; of several processes each samples a share of the rows, and all of them return the whole.

        The sprites are those of one process, but for the rounding of a network that takes them in other batches. What
        watches, `on_sprites` and the like, is told of the share.
        """
        N = len(condition)
        check_shares(N)
        rows = own(N)
        x = self(condition[rows], torch.as_tensor(scale).expand(N)[rows], indices[rows], **watched)
        return gather(x, N)

    def per_category(self, scale: float, count: int, together: bool = False, **watched: Any) -> tuple[Tensor, Tensor]:
        """`count` sprites of each of K categories at one scale, each from noise of its own: x [K * count, C, H, W] and
        labels int64 [K * count]. together: all processes come here and share the work."""
        labels = torch.arange(len(self.spec.categories)).repeat_interleave(count)
        sample = self.together if together else self
        return sample(Condition.of(self.spec.contexts()[labels]), scale, range(len(labels)), **watched), labels

    def grid(self, condition: Condition, scales: Sequence[float], count: int) -> Tensor:
        """`count` sprites for each of R conditions at each of S scales, all cells of the grid from the same noise:
        x0 [R, S, count, C, H, W]."""
        R, S = len(condition), len(scales)
        scale = torch.tensor(scales).repeat_interleave(count).repeat(R)
        x = self(condition.repeated(S * count), scale, list(range(count)) * (R * S))
        return x.unflatten(0, (R, S, count))

    def cells(
        self,
        condition: Condition,
        scales: Sequence[float],
        count: int,
        *,
        edit: Edit | None = None,
        stop: Callable[[], int] = lambda: 0,
        on_sprites: OnSprites = ignore,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The sprites of `grid`, by all processes together, as pictures that need no more memory than their bytes.
        edit: of R rows.

        Of large cells all get their first batch first. After the batch in which `stop()` is not 0 in any process, all
        of them stop. Returns uint8 [R, S, count, H, W, C], and which of them are done, bool [R, S, count].
        """
        R, S, size = len(condition), len(scales), self.spec.size
        N = R * S * count
        check_shares(N)
        self.guide.check(condition, edit)
        scale = torch.tensor(scales)
        pixels, done = np.zeros((N, size, size, self.spec.channels), np.uint8), np.zeros(N, np.uint8)
        mine, at_once = own(N), self.at_once

        def sample(rows: Tensor) -> Tensor:
            row = rows // (S * count)
            change = edit[row] if edit else None
            return self.batch(condition[row], scale[rows // count % S], (rows % count).tolist(), edit=change)

        starts = sorted(range(mine.start, mine.stop, at_once), key=lambda start: start % count // at_once)
        for turn in range(math.ceil(math.ceil(N / world()) / at_once)):  # as many in all processes
            for start in starts[turn : turn + 1]:
                rows = torch.arange(start, min(start + at_once, mine.stop))
                cell = slice(start, start + len(rows))
                x = torch.cat(on_cores(sample, rows.tensor_split(shares(len(rows), self.device))))
                pixels[cell], done[cell] = to_uint8(x), 1
                on_sprites(len(rows))
            if highest(stop()):
                break
        for values in (pixels, done):
            join_shares(torch.from_numpy(values), self.device)
        return pixels.reshape(R, S, count, *pixels.shape[1:]), done.astype(bool).reshape(R, S, count)


def priced(model: nn.Module, spec: ModelSpec, seed: int = 0) -> ModelSpec:
    """What a model file says of its network, with the highest price of a colour at which its sprites have, on average,
    no fewer than those of the set.

    The longer a network was trained, the surer are the single pixels, eyes and sparks, for which a colour must be kept.
    """
    if spec.style is None or (wanted := spec.style.usual) is None:
        return spec
    sampler = Sampler(model, spec, Sampling(seed=seed))
    art, sampler.pixel_art = sampler.pixel_art, PixelArt()
    x = sampler.pilots()
    if not x.isfinite().all():
        return spec

    def many(price: float) -> bool:
        return count_colours(to_uint8(replace(art, price=price)(x))).mean() > wanted

    low, high = PRICES
    if not many(low):  # as where little is learnt: no price leaves more
        high = low
    elif many(high):
        low = high
    while high > 1.03 * low:
        price = math.sqrt(low * high)
        low, high = (price, high) if many(price) else (low, price)
    return replace(spec, style=replace(spec.style, price=math.floor(low * 100) / 100))


def check_shares(count: int) -> None:
    """Raise ValueError for more processes than sprites. All processes come here."""
    with main_first():
        if world() > count:
            raise ValueError(f"{plural(count, 'sprite')}, too few for {world()} processes; start torchrun with fewer")
