"""Guidance: from a denoiser that takes a context to one that is steered by it.

A context denoiser is (x_t, t, context) -> x0_hat; what comes out is a denoiser, (x_t, t) -> x0_hat, as samplers take.
Every form here mixes a prediction to go to (`cond`) and one to go away from (`uncond`) at a scale s:

    which two      classifier_free (a composition of contexts, a negative one), autoguidance
    how much       a scale: one number, one per sample, or `limited_interval`, a function of the timestep
    how mixed      extrapolated, adaptive_projected, rescaled
    what is kept   clip, dynamic_threshold

s = 0 is `uncond`, s = 1 is `cond`, and both are returned bit for bit, however they would be mixed.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ddpm.context.condition import Condition
from ddpm.diffusion.prediction import ContextDenoiser, Denoiser
from ddpm.diffusion.schedule import Schedule

Scale = float | Tensor | Callable[[Tensor], Tensor]  # s, or s [B], or t [B] -> s [B]
Mix = Callable[[Tensor, Tensor, Tensor], Tensor]  # (cond, uncond, s [B, 1, 1, 1]) -> x0_hat
OnGap = Callable[[Tensor, Tensor], None]  # (t [B], root mean square of cond - uncond [B])


def guidance_labels(scales: Sequence[float]) -> list[str]:
    """Scales in words, for columns: "s = 0", "s = 1.5", ..."""
    return [f"s = {s:g}" for s in scales]


def like(values: Tensor, x: Tensor) -> Tensor:
    """[B] -> [B, 1, 1, ...] with as many dimensions as x."""
    return values.view(-1, *[1] * (x.ndim - 1))


def norm(x: Tensor) -> Tensor:
    """Root mean square of each sample, [B, ...] -> [B, 1, 1, ...]: a length that does not grow with the sprite."""
    return like(x.flatten(1).square().mean(1).sqrt(), x)


def extrapolated(cond: Tensor, uncond: Tensor, s: Tensor) -> Tensor:
    """uncond + s * (cond - uncond)."""
    return uncond + s * (cond - uncond)


def nearest_scale(x0: Tensor, cond: Tensor, uncond: Tensor) -> Tensor:
    """The scale at which `extrapolated` is nearest to x0 in squared error, over all of [N, ...]; nan without a gap.

    s* = <x0 - uncond, cond - uncond> / |cond - uncond|^2. It is 1 for cond = E[x0 | x_t, context], whose error is
    orthogonal to whatever x_t and the context tell. Where a context moves the prediction k times as far as it tells of
    x0, s* is 1 / k, and guidance by s does what k s would.
    """
    gap = cond - uncond
    return ((x0 - uncond) * gap).sum() / gap.square().sum()


# Which two predictions


def predictions(denoise: ContextDenoiser, x_t: Tensor, t: Tensor, contexts: Tensor, needed: Tensor) -> Tensor:
    """x0_hat for contexts [B, M, V] where `needed`, bool [B, M], zero elsewhere: [B, M, C, H, W], by one call."""
    out = x_t.new_zeros(*needed.shape, *x_t.shape[1:])
    sample, term = needed.nonzero(as_tuple=True)
    if len(sample):
        out[sample, term] = denoise(x_t[sample], t[sample], contexts[sample, term])
    return out


def guided(
    pair: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]], scale: Scale, mix: Mix, on_gap: OnGap | None
) -> Denoiser:
    """A denoiser that mixes the two predictions of `pair`, a function of (x_t, t, s [B]). Where s is 0 or 1, only one
    of them is needed. It stands in for the other, so that their difference is 0, and is returned as it is."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        s = torch.as_tensor(scale(t) if callable(scale) else scale, dtype=x_t.dtype, device=x_t.device).expand(len(x_t))
        cond, uncond = pair(x_t, t, s)
        s = like(s, x_t)
        cond, uncond = torch.where(s == 0, uncond, cond), torch.where(s == 1, cond, uncond)
        if on_gap:
            on_gap(t, norm(cond - uncond).flatten())
        return torch.where((s == 0) | (s == 1), cond, mix(cond, uncond, s))

    return denoise


def weighted_sum(scales: Tensor, predicted: Tensor) -> Tensor:
    """Sum over the terms of a composition: [B, M], [B, M, C, H, W] -> [B, C, H, W]."""
    terms = zip(scales.to(predicted).unbind(1), predicted.unbind(1), strict=True)
    return sum((like(scale, x0) * x0 for scale, x0 in terms), start=torch.zeros_like(predicted[:, 0]))


def with_away(condition: Condition) -> tuple[Tensor, Tensor]:
    """Contexts [B, 1 + M, V], the first being the one to go away from, and scales [B, 1 + M], which add to 1."""
    contexts, scales = condition.contexts, condition.scales.to(condition.contexts)
    away = torch.zeros_like(contexts[:, 0]) if condition.away is None else condition.away.to(contexts)
    rest = 1 - scales.sum(1, keepdim=True)
    rest = rest.where(rest.abs() > 1e-6, 0)  # what rounding leaves is not worth a call
    return torch.cat([away[:, None], contexts], 1), torch.cat([rest, scales], 1)


def classifier_free(
    denoise: ContextDenoiser,
    condition: Condition,
    scale: Scale,
    *,
    mix: Mix = extrapolated,
    on_gap: OnGap | None = None,
) -> Denoiser:
    """Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598): uncond + s * (cond - uncond).

    scale s: any real (the paper's w is s - 1). The mixture of x0_hat is that of eps or v, since x_t is the same in
    both. `condition.away` takes the place of no context. In a composition each context has a scale of its own (Liu et
    al. 2022, arXiv:2206.01714, eq. 11): uncond + s * sum_m scales_m * (cond_m - uncond).

    One call of `denoise` a step, on just the rows that are needed: samples with s = 0 cost an unconditional row, with
    s = 1 a conditional one, all others both.
    """
    contexts, scales = with_away(condition)
    first = torch.zeros_like(scales)
    first[:, 0] = 1

    def pair(x_t: Tensor, t: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        needed = (scales != 0) & (s != 0)[:, None] | (first != 0) & (s != 1)[:, None]
        predicted = predictions(denoise, x_t, t, contexts, needed)
        return weighted_sum(scales, predicted), predicted[:, 0]

    return guided(pair, scale, mix, on_gap)


def autoguidance(
    denoise: ContextDenoiser,
    weak: ContextDenoiser,
    condition: Condition,
    scale: Scale,
    *,
    mix: Mix = extrapolated,
    on_gap: OnGap | None = None,
) -> Denoiser:
    """Autoguidance (Karras et al. 2024, arXiv:2406.02507): weak + s * (strong - weak), both with the same context.

    `weak` is a worse version of the network, such as an early snapshot: what the two disagree on is where the weak one
    errs. It is not called where s = 1. Raises ValueError for a condition with something else to go away from.
    """
    if condition.away is not None:
        raise ValueError("the form auto goes away from a weak network, and takes no negative context")
    contexts, scales = with_away(condition)

    def pair(x_t: Tensor, t: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        strong_needed, weak_needed = ((scales != 0) & (s != without)[:, None] for without in (0, 1))
        strong = predictions(denoise, x_t, t, contexts, strong_needed)
        return weighted_sum(scales, strong), weighted_sum(scales, predictions(weak, x_t, t, contexts, weak_needed))

    return guided(pair, scale, mix, on_gap)


# How much


def limited_interval(scale: Scale, schedule: Schedule, low: float, high: float) -> Scale:
    """The scale s where the noise level sigma / alpha is in (low, high], elsewhere 1 if s is more (Kynkaanniemi et al.
    2024, arXiv:2404.07724): no guidance, and no second prediction, where it does harm or nothing."""

    def at(t: Tensor) -> Tensor:
        alpha, sigma = schedule.at(t, t.double())
        level, s = sigma / alpha, scale(t) if callable(scale) else scale
        s = torch.as_tensor(s, dtype=torch.float64, device=t.device)
        return torch.where((level > low) & (level <= high), s, s.clamp(max=1))

    return at


# How mixed


def adaptive_projected(eta: float = 0.0, largest: float = 0.1, momentum: float = -0.5) -> Mix:
    """Adaptive projected guidance (Sadat et al. 2024, arXiv:2410.02416, algorithm 1), for one run of a sampler.

    The step cond - uncond keeps `momentum` (the paper's beta) of the steps before, is shortened to a root mean square
    of `largest` (the paper's r over the root of the number of values), and its part parallel to cond, which
    oversaturates, is scaled by eta.
    """
    before: list[Tensor] = []

    def mix(cond: Tensor, uncond: Tensor, s: Tensor) -> Tensor:
        step = cond - uncond + (momentum * before.pop() if before else 0)
        before.append(step)
        step = step * (largest / norm(step)).clamp(max=1)
        direction = cond / norm(cond).clamp(min=1e-12)
        parallel = like((step * direction).flatten(1).mean(1), cond) * direction
        return cond + (s - 1) * (step - parallel + eta * parallel)

    return mix


def rescaled(mix: Mix, phi: float = 0.7) -> Mix:
    """Guidance rescale (Lin et al. 2023, arXiv:2305.08891, eq. 15-16), here of x0_hat: brings the standard deviation of
    what `mix` gives back to that of cond, by a share phi of the way. Undoes overexposure."""

    def mixed(cond: Tensor, uncond: Tensor, s: Tensor) -> Tensor:
        x0 = mix(cond, uncond, s)
        wanted, got = (like(x.flatten(1).std(1).clamp(min=1e-12), x) for x in (cond, x0))
        return x0 * (1 + phi * (wanted / got - 1))

    return mixed


# What is kept


def clip(denoise: Denoiser, low: float = -1.0, high: float = 1.0) -> Denoiser:
    """Keep x0_hat in the range of the data, which strong guidance leaves (Ho et al. 2020's clipped denoiser)."""
    return lambda x_t, t: denoise(x_t, t).clamp(low, high)


def dynamic_threshold(denoise: Denoiser, share: float = 0.995) -> Denoiser:
    """Dynamic thresholding (Saharia et al. 2022, arXiv:2205.11487, section 2.3): x0_hat is clipped at the quantile
    `share` of its absolute values, 1 at least, and divided by it, rather than saturated at the ends of the range."""

    def thresholded(x_t: Tensor, t: Tensor) -> Tensor:
        x0 = denoise(x_t, t)
        limit = like(x0.flatten(1).abs().quantile(share, dim=1).clamp(min=1), x0)
        return x0.clamp(-limit, limit) / limit

    return thresholded
