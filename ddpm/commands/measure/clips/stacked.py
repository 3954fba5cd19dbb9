"""What attention over frames is compared with: a network of stills that sees all frames of a clip as channels.

Its convolutions mix the frames from the first layer on, all frames have one noise level, and all are sampled at once.
It knows clips of one length, makes none longer, and begins from no given frame.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from ddpm.config import Config
from ddpm.context.condition import Condition
from ddpm.context.tags import hide
from ddpm.data.order import STEP, ShuffledOrder, generator
from ddpm.diffusion.prediction import drawn_timesteps
from ddpm.diffusion.samplers import SAMPLERS, SampleNoise
from ddpm.evaluation.clips.cycles import drawn_cycles
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import OnSprites, Sampler
from ddpm.system.console import progress
from ddpm.training.ema import EMA
from ddpm.training.optim import Optimizers, learning_rate

VOLUME, PASSES = 2500, 4  # cycles drawn at a time, and how often each is seen


class Stacked(nn.Module):
    """A ContextUNet as that of `spec`, but that takes the F frames of a clip as F times the channels.

    x [N * F, C, H, W], the frames of a clip after one another; t [N * F] and contexts [N * F, V], the same for all
    frames of a clip -> [N * F, outputs, H, W]."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.frames, still = spec.model.frames, spec.of_stills()
        outputs = still.build().outputs
        self.network = still.build(channels=self.frames * spec.channels, outputs=self.frames * outputs)

    def forward(self, x: Tensor, t: Tensor, contexts: Tensor) -> Tensor:
        F = self.frames
        out = self.network(rearrange(x, "(n f) c h w -> n (f c) h w", f=F), t[::F], contexts[::F])
        return rearrange(out, "n (f k) h w -> (n f) k h w", f=F)

    @torch.no_grad()
    def sampled(self, sampler: Sampler, contexts: Tensor, scale: float, on_frames: OnSprites) -> Tensor:
        """A clip for each context [N, V], with the settings of `sampler`: x0 [N, F, C, H, W] in [-1, 1]."""
        spec, F, done = sampler.spec, self.frames, []
        frames_denoiser = spec.build_diffusion().to(sampler.device).denoiser(self)

        def denoise(x_t: Tensor, t: Tensor, contexts: Tensor) -> Tensor:
            frames = rearrange(x_t, "n (f c) h w -> (n f) c h w", f=F)
            x0 = frames_denoiser(frames, t.repeat_interleave(F), contexts.repeat_interleave(F, 0))
            return rearrange(x0, "(n f) c h w -> n (f c) h w", f=F)

        for rows in torch.arange(len(contexts)).split(sampler.at_once):
            noise = SampleNoise(sampler.sampling.seed, rows.tolist(), sampler.device)
            asked = Condition.of(contexts[rows]).to(sampler.device)
            guided = sampler.guide.around(denoise, asked, torch.full((len(rows),), scale, device=sampler.device))
            x = noise((F * spec.channels, spec.size, spec.size))
            x = SAMPLERS[sampler.sampling.sampler](guided, x, sampler.timesteps, sampler.schedule, noise, None)
            strip = sampler.pixel_art(rearrange(x, "n (f c) h w -> n c h (f w)", f=F))
            done.append(rearrange(strip, "n c h (f w) -> n f c h w", f=F))
            on_frames(len(rows) * F)
        return torch.cat(done)


def fit(spec: ModelSpec, config: Config, clips: int, device: torch.device) -> Stacked:
    """Train one on so many clips, drawn anew every `PASSES` times, by the optimiser of the run of `config`."""
    torch.manual_seed(config.seed)
    model, diffusion = Stacked(spec).to(device), spec.build_diffusion().to(device)
    optimizers, ema = Optimizers(model.network, config.optim), EMA(model, config.optim.ema)
    F, batch = spec.model.frames, max(1, min(config.optim.batch, 256) // spec.model.frames)
    steps, shown = max(1, clips // batch), VOLUME * PASSES // batch
    for step in progress(range(1, steps + 1), "training the stacked network", unit="batch"):
        volume, place = divmod(step - 1, shown)
        if not place:
            cycles = drawn_cycles(spec, config.hold_out, config.seed + 1 + volume, min(VOLUME, clips))
            x, contexts, order = cycles.x, cycles.contexts, ShuffledOrder(len(cycles), volume)
        rows, g = order(place * batch, batch), generator(config.seed, STEP, step)
        context, _ = hide(contexts[rows], len(spec.categories), config, g, cycles.data.rarity)
        t = drawn_timesteps(batch, len(diffusion.schedule), step / steps, g).repeat_interleave(F)
        x0, context = x[rows].flatten(0, 1), context.repeat_interleave(F, 0)
        eps = torch.randn(x0.shape, generator=g)
        diffusion.loss(model, *(value.to(device) for value in (x0, context, t, eps))).mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.optim.clip)
        optimizers.step(learning_rate(step, steps, config.optim.warmup))
        ema.update(model, step)
    assert isinstance(ema.model, Stacked)
    return ema.model
