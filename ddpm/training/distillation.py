"""Distillation: a student that does in few steps what a guided teacher does in many, with the scale as an input.

The teacher samples sprites of random contexts at random guidance scales (two predictions a step). Its states at a few
timesteps, the knots, are kept. The student learns to go from knot to knot in one step of DDIM with one prediction:
guidance (Meng et al. 2022, arXiv:2210.03142) and steps (Salimans & Ho 2022, arXiv:2202.00512) are distilled at once. No
sprite of the data is needed, only the teacher, and for a teacher of tags which of them go together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ddpm.config import Config, OptimConfig, Sampling, StudentConfig
from ddpm.context.condition import Condition
from ddpm.context.tags import hide
from ddpm.data.collection import SpriteData
from ddpm.data.order import CONDITIONS, SCALES, ShuffledOrder, generator
from ddpm.diffusion.schedule import Schedule
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler, knots
from ddpm.system.devices import autocast_dtype, limited, shares
from ddpm.training.ema import EMA
from ddpm.training.optim import Optimizers, add_gradients, learning_rate

WHOLE = 0.75  # share of the contexts, of those that ask for anything, that keep all tags
HUBER = 0.03  # root mean square of an error up to which the loss is quadratic, in units of x


@dataclass(frozen=True)
class Trajectories:
    """Ways of a teacher from noise to sprites: context [N, V], guidance scale [N], states float16 [N, S + 1, C, H, W].

    The states are x_t at the S knots, then x0.
    """

    context: Tensor
    scale: Tensor
    states: Tensor


def usual_knots(steps: int) -> tuple[int, ...]:
    """Four knots of a teacher of so many steps: more of them where its way bends most (docs/performance.md)."""
    return tuple(round(steps * share / 8) for share in (0, 3, 4, 5))


def contexts_to_learn(spec: ModelSpec, count: int, config: Config, seed: int, data: SpriteData | None = None) -> Tensor:
    """What a student is to be asked for, float32 [count, V], hidden as in the training of its teacher by `config`: as
    many of each category; or with `data`, which a model of tags needs, what its training sprites show, mostly with all
    tags or with none, since that is what a sampler asks (ddpm/context/completion.py)."""
    g = generator(seed, CONDITIONS)
    if data is None:
        context = spec.contexts()[torch.arange(count) % len(spec.categories)]
        return hide(context, len(spec.categories), config, g)[0]
    context = data.contexts(data.train[ShuffledOrder(len(data.train), seed)(0, count)])
    hidden, left = hide(context, len(spec.categories), config, g, data.rarity)
    whole = (torch.rand(count, generator=g) < WHOLE) & (left > 0)
    return torch.where(whole[:, None], context, hidden)


def teacher_trajectories(
    teacher: nn.Module,
    spec: ModelSpec,
    student: StudentConfig,
    context: Tensor,
    seed: int,
    on_sprites: Callable[[int], object] = lambda count: None,
) -> Trajectories:
    """Sample a sprite of each context [N, V] from a teacher with `spec`, and keep its states at the knots of `student`.

    The scales are uniform between the student's two. `on_sprites` is called with how many are done, for a bar.
    """
    count, (low, high) = len(context), student.scales
    scale = low + (high - low) * torch.rand(count, generator=generator(seed, SCALES))
    S, found = len(student.knots), []

    def on_step(step: int, x: Tensor, x0_hat: Tensor) -> None:
        if step in student.knots:
            found.append(x.half())

    # Deterministic, as the student goes from state to state, and sprites as they come, before they are made pixel art.
    how = Sampling(sampler="dpmpp_2m", steps=student.teacher_steps, seed=seed, palette="none", complete=False)
    sampler = Sampler(teacher, spec, how)
    x0 = sampler(Condition.of(context), scale, range(count), on_step=on_step, on_sprites=on_sprites)
    batches = [torch.stack(found[i : i + S], 1) for i in range(0, len(found), S)]
    return Trajectories(context, scale, torch.cat([torch.cat(batches), x0[:, None].half()], 1))


def leap(x_t: Tensor, x_s: Tensor, t: Tensor, s: Tensor, schedule: Schedule) -> Tensor:
    """The x0_hat [B, C, H, W] with which a step of DDIM goes from x_t at t to x_s at s, int64 [B], s = -1 being clean:

    x_s = alpha_s x0_hat + sigma_s / sigma_t (x_t - alpha_t x0_hat), solved for x0_hat.
    """
    (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule.at(t, x_t), schedule.at(s, x_t)
    ratio = sigma_s / sigma_t
    return (x_s - ratio * x_t) / (alpha_s - ratio * alpha_t)


class Distillation:
    """Trains a student of `teacher`. `student` is the averaged network, the one to keep, and `spec` describes it."""

    def __init__(self, teacher: nn.Module, spec: ModelSpec, config: StudentConfig, optim: OptimConfig, seed: int):
        self.spec, self.optim, self.seed = replace(spec.of_stills(), student=config), optim, seed
        self.device = next(teacher.parameters()).device
        self.diffusion = self.spec.build_diffusion().to(self.device)
        self.model = self.spec.build().to(self.device).train()
        # All but the new input, which starts at zero, and what a teacher of clips knows of frames.
        self.model.load_state_dict(teacher.state_dict(), strict=False)
        self.ema = EMA(self.model, optim.ema)
        self.optimizers = Optimizers(self.model, optim)
        self.denoise = self.diffusion.denoiser(self.model, autocast_dtype(optim.precision, self.device))
        self.knots = torch.cat([knots(self.spec), torch.tensor([-1])])

    @property
    def student(self) -> nn.Module:
        return self.ema.model

    def train(self, trajectories: Trajectories, steps: int) -> Iterator[float]:
        """Take `steps` optimiser steps on random pieces of the trajectories; yields the loss of each. Raises ValueError
        for one that is not finite."""
        S = len(self.knots) - 1  # steps of the student
        order = ShuffledOrder(len(trajectories.scale) * S, self.seed)
        for step in range(1, steps + 1):
            piece = torch.from_numpy(order((step - 1) * self.optim.batch, self.optim.batch))
            parts = piece.tensor_split(shares(len(piece), self.device))
            losses = add_gradients(
                self.model, lambda part: self.losses(trajectories, part // S, part % S), parts, 1 / len(piece)
            )
            with limited(1):
                norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip)
                if not norm.isfinite():
                    raise ValueError(
                        f"the loss or its gradient is not finite at update {step}, and nothing was saved; try a lower "
                        f"--optim.lr (now {self.optim.lr:g}) and --optim.muon-lr (now {self.optim.muon_lr:g})"
                    )
                self.optimizers.step(learning_rate(step, steps, self.optim.warmup))
                self.ema.update(self.model, step)
            yield losses.mean().item()

    def losses(self, trajectories: Trajectories, which: Tensor, knot: Tensor) -> Tensor:
        """Error of x0_hat on pieces of trajectories, [B]: of number `which` from knot number `knot` to the next,
        int64 [B].

        Pseudo-Huber, sqrt(d^2 + c^2) - c, of the root mean square d of each sample's error, as for consistency models
        (Song & Dhariwal 2023, arXiv:2310.14189, section 3.3): the few far off do not drown what is nearly right.
        """
        x_t, x_s = (trajectories.states[which, k].to(self.device).float() for k in (knot, knot + 1))
        t, s = (self.knots[k].to(self.device) for k in (knot, knot + 1))
        wanted = leap(x_t, x_s, t, s, self.diffusion.schedule)
        x0 = self.denoise(
            x_t, t, trajectories.context[which].to(self.device), trajectories.scale[which].to(self.device)
        )
        return ((x0 - wanted).square().flatten(1).mean(1) + HUBER**2).sqrt() - HUBER
