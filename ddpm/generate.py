"""From a trained model to sprites: denoiser, guidance, time grid and sampler put together."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ddpm.checkpoint import ModelSpec
from ddpm.distributed import gather, main_first, own, world
from ddpm.forms import build, parse_form
from ddpm.guidance import Denoiser, OnGap
from ddpm.precision import autocast_dtype
from ddpm.prediction import ContextDenoiser
from ddpm.samplers import SAMPLERS, OnStep, SampleNoise
from ddpm.schedule import timestep_grid

STEPS = 8  # of the usual sampler, on the usual grid
GRID = "middle"


def knots(spec: ModelSpec) -> Tensor:
    """Timesteps of a student, int64 [S]: those of its teacher's grid between which it goes in one step."""
    return timestep_grid(GRID, spec.build_diffusion().schedule, spec.student.teacher_steps)[list(spec.student.knots)]


def check_conditions(spec: ModelSpec, weights: Tensor | None, negative: Tensor | None) -> None:
    """Raise ValueError for what a student has not learnt: a sum of contexts (weights [N, M > 1]), a negative one."""
    if spec.student and (negative is not None or (weights is not None and weights.shape[1] > 1)):
        raise ValueError("a student has learnt one context at a time: it takes no sum of several and no negative one")


def guided_student(denoise: ContextDenoiser, context: Tensor, scale: Tensor, weights: Tensor | None) -> Denoiser:
    """A student's denoiser, which mixes nothing: the scale is one of its inputs."""
    if weights is not None:
        context, scale = context[:, 0], scale * weights[:, 0]
    return lambda x_t, t: denoise(x_t, t, context, scale)


@torch.no_grad()
def generate(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scale: float | Tensor,
    *,
    seed: int,
    indices: Sequence[int],
    weights: Tensor | None = None,
    negative: Tensor | None = None,
    form: str = "cfg",
    weak: nn.Module | None = None,
    sampler: str = "dpmpp_2m",
    steps: int = STEPS,
    grid: str = GRID,
    batch: int = 128,
    precision: str = "auto",
    on_step: OnStep | None = None,
    on_gap: OnGap | None = None,
    on_sprites: Callable[[int], object] = lambda count: None,
) -> Tensor:
    """Sample one sprite for each row of `context`.

    context: [N, K], or [N, M, K] with weights [N, M] for a composition; scale: guidance scale, one number or [N];
    negative: [N, K], a context to go away from. form: the form of guidance (ddpm/forms.py), which for "auto" needs
    the network `weak`. indices: N numbers, of which each, with `seed`, fixes the noise of its sprite: the same index
    gives the same noise for any context, scale, form and grid. `batch`: how many are drawn at a time, which changes
    nothing but memory; precision: auto, fp32 or bf16, of the network. `on_step` and `on_gap` are called for each batch,
    `on_sprites` with how many are done, for a bar. A student (spec.student) has a way of its own, which sampler, steps,
    grid and form do not change.

    Returns x0 [N, C, H, W] in [-1, 1]. Raises ValueError for an unknown sampler, grid or form, or for more steps than
    the model has; for a sum or a negative context and a student.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}: choose one of {', '.join(SAMPLERS)}")
    N = len(context)
    scales = torch.as_tensor(scale, dtype=torch.float32)
    if len(indices) != N or scales.shape not in ((), (N,)):
        raise ValueError(
            f"{N} contexts need as many indices and one guidance scale or as many, "
            f"got {len(indices)} indices and scales of shape {tuple(scales.shape)}"
        )
    parts, scales = parse_form(form), scales.expand(N)
    device = next(model.parameters()).device
    diffusion, autocast = spec.build_diffusion(), autocast_dtype(precision, device)

    def denoiser(network: nn.Module | None) -> ContextDenoiser | None:
        if network and autocast:  # or the weights would be cast anew at every call
            network = copy.deepcopy(network).to(autocast)
        return network and diffusion.denoiser(network, autocast)

    strong, weaker = denoiser(model), denoiser(weak)
    check_conditions(spec, weights, negative)
    if spec.student:
        sampler, timesteps = "ddim", knots(spec).to(device)
    else:
        timesteps = timestep_grid(grid, diffusion.schedule, steps).to(device)
    done = []
    for rows in torch.arange(N).split(batch):
        noise = SampleNoise(seed, [indices[i] for i in rows], device)
        contexts, s = context[rows].to(device), scales[rows].to(device)
        w, away = (None if a is None else a[rows].to(device) for a in (weights, negative))
        if spec.student:
            guided = guided_student(strong, contexts, s, w)
        else:
            how = {"weak": weaker, "weights": w, "negative": away, "on_gap": on_gap}
            guided = build(parts, strong, contexts, s, diffusion.schedule, **how)
        x = noise((spec.channels, spec.size, spec.size))
        done.append(SAMPLERS[sampler](guided, x, timesteps, diffusion.schedule, noise, on_step))
        on_sprites(len(rows))
    return torch.cat(done)


def generate_grid(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scales: Sequence[float],
    count: int,
    *,
    draw: Callable[..., Tensor] = generate,
    weights: Tensor | None = None,
    **how,
) -> Tensor:
    """`count` sprites for each row of context [R, V], or [R, M, V] with weights [R, M], at each scale, all cells of the
    grid from the same noise: x0 [R, S, count, C, H, W]. draw: `generate`, or `generate_together`; how: more for it."""
    R, S = len(context), len(scales)
    scale = torch.tensor(scales).repeat_interleave(count).repeat(R)
    how |= {"weights": None if weights is None else weights.repeat_interleave(S * count, 0)}
    x = draw(model, spec, context.repeat_interleave(S * count, 0), scale, indices=list(range(count)) * (R * S), **how)
    return x.unflatten(0, (R, S, count))


def generate_together(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scale: float | Tensor,
    *,
    indices: Sequence[int],
    weights: Tensor | None = None,
    negative: Tensor | None = None,
    **how,
) -> Tensor:
    """As `generate`; of several processes each draws a share of the rows, and all of them return the whole.

    The sprites are those of one process, but for the rounding of a network that takes them in other batches.
    `on_sprites` and the like tell of the share.
    """
    N = len(context)
    with main_first():
        if world() > N:
            raise ValueError(f"{N} sprites are too few for {world()} processes; start torchrun with fewer")
    rows = own(N)
    context, scale, indices = context[rows], torch.as_tensor(scale).expand(N)[rows], indices[rows]
    weights, negative = (None if a is None else a[rows] for a in (weights, negative))
    x = generate(model, spec, context, scale, indices=indices, weights=weights, negative=negative, **how)
    return gather(x, N)
