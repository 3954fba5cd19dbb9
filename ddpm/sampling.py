"""From a trained model to sprites: denoiser, guidance, time grid and sampler put together."""

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ddpm.data.tensors import to_uint8
from ddpm.diffusion.forms import build, parse_form
from ddpm.diffusion.guidance import Denoiser, OnGap
from ddpm.diffusion.prediction import ContextDenoiser
from ddpm.diffusion.samplers import SAMPLERS, OnStep, SampleNoise
from ddpm.diffusion.schedule import timestep_grid
from ddpm.runs.spec import ModelSpec
from ddpm.system.devices import autocast_dtype
from ddpm.system.distributed import gather, highest, join_shares, main_first, own, world

STEPS = 8  # of the usual sampler, on the usual grid
GRID = "middle"
BATCH = 128  # sprites drawn at a time


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


DrawBatch = Callable[..., Tensor]  # (context, scale, indices, weights=None, negative=None) -> x0: see `batches_of`


def batches_of(
    model: nn.Module,
    spec: ModelSpec,
    *,
    seed: int,
    form: str = "cfg",
    weak: nn.Module | None = None,
    sampler: str = "dpmpp_2m",
    steps: int = STEPS,
    grid: str = GRID,
    precision: str = "auto",
    on_step: OnStep | None = None,
    on_gap: OnGap | None = None,
) -> DrawBatch:
    """A function that samples one batch: contexts, scales [B], B indices, weights and negative contexts, as of
    `generate`, whose settings and errors these are."""
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}: choose one of {', '.join(SAMPLERS)}")
    parts, device = parse_form(form), next(model.parameters()).device
    diffusion, autocast = spec.build_diffusion(), autocast_dtype(precision, device)

    def denoiser(network: nn.Module | None) -> ContextDenoiser | None:
        if network and autocast:  # or the weights would be cast anew at every call
            network = copy.deepcopy(network).to(autocast)
        return network and diffusion.denoiser(network, autocast)

    strong, weaker = denoiser(model), denoiser(weak)
    if spec.student:
        sampler, timesteps = "ddim", knots(spec).to(device)
    else:
        timesteps = timestep_grid(grid, diffusion.schedule, steps).to(device)

    @torch.no_grad()
    def draw(
        context: Tensor,
        scale: Tensor,
        indices: Sequence[int],
        weights: Tensor | None = None,
        negative: Tensor | None = None,
    ) -> Tensor:
        noise = SampleNoise(seed, indices, device)
        context, scale = context.to(device), scale.to(device)
        weights, negative = (None if a is None else a.to(device) for a in (weights, negative))
        if spec.student:
            guided = guided_student(strong, context, scale, weights)
        else:
            how = {"weak": weaker, "weights": weights, "negative": negative, "on_gap": on_gap}
            guided = build(parts, strong, context, scale, diffusion.schedule, **how)
        x = noise((spec.channels, spec.size, spec.size))
        return SAMPLERS[sampler](guided, x, timesteps, diffusion.schedule, noise, on_step)

    return draw


def generate(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scale: float | Tensor,
    *,
    indices: Sequence[int],
    weights: Tensor | None = None,
    negative: Tensor | None = None,
    batch: int = BATCH,
    on_sprites: Callable[[int], object] = lambda count: None,
    **how,
) -> Tensor:
    """Sample one sprite for each row of `context`.

    context: [N, K], or [N, M, K] with weights [N, M] for a composition; scale: guidance scale, one number or [N];
    negative: [N, K], a context to go away from. indices: N numbers, of which each, with the seed, fixes the noise of
    its sprite: the same index gives the same noise for any context, scale, form and grid. `batch`: how many are drawn
    at a time, which changes nothing but memory; `on_sprites` is called with how many are done, for a bar.

    how: seed, and what else `batches_of` takes. form: the form of guidance (forms.py), which for "auto" needs the
    network `weak`; precision: auto, fp32 or bf16, of the network; `on_step` and `on_gap` are called for each batch. A
    student (spec.student) has a way of its own, which sampler, steps, grid and form do not change.

    Returns x0 [N, C, H, W] in [-1, 1]. Raises ValueError for an unknown sampler, grid or form, or for more steps than
    the model has; for a sum or a negative context and a student.
    """
    N = len(context)
    scales = torch.as_tensor(scale, dtype=torch.float32)
    if len(indices) != N or scales.shape not in ((), (N,)):
        raise ValueError(
            f"{N} contexts need as many indices and one guidance scale or as many, "
            f"got {len(indices)} indices and scales of shape {tuple(scales.shape)}"
        )
    scales, draw = scales.expand(N), batches_of(model, spec, **how)
    check_conditions(spec, weights, negative)
    done = []
    for rows in torch.arange(N).split(batch):
        conditions = (None if a is None else a[rows] for a in (weights, negative))
        done.append(draw(context[rows], scales[rows], [indices[i] for i in rows], *conditions))
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


def check_shares(count: int) -> None:
    """Raise ValueError for more processes than sprites. All processes come here."""
    with main_first():
        if world() > count:
            raise ValueError(f"{count} sprites are too few for {world()} processes; start torchrun with fewer")


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
    check_shares(N)
    rows = own(N)
    context, scale, indices = context[rows], torch.as_tensor(scale).expand(N)[rows], indices[rows]
    weights, negative = (None if a is None else a[rows] for a in (weights, negative))
    x = generate(model, spec, context, scale, indices=indices, weights=weights, negative=negative, **how)
    return gather(x, N)


def generate_cells(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scales: Sequence[float],
    count: int,
    *,
    weights: Tensor,
    negative: Tensor | None = None,
    stop: Callable[[], int] = lambda: 0,
    on_sprites: Callable[[int], object] = lambda count: None,
    **how,
) -> tuple[np.ndarray, np.ndarray]:
    """The sprites of `generate_grid` with `generate_together`, in the same batches, as pictures that need no more
    memory than their bytes; with weights [R, M], and negative [V], one for all. Of large cells all get their first
    batch first. After the batch in which `stop()` is not 0 in any process, all of them stop.

    Returns uint8 [R, S, count, H, W, C], and which of them are done, bool [R, S, count].
    """
    R, S = len(context), len(scales)
    N = R * S * count
    check_shares(N)
    scale, draw = torch.tensor(scales), batches_of(model, spec, **how)
    pixels = np.zeros((N, spec.size, spec.size, spec.channels), np.uint8)
    done = np.zeros(N, np.uint8)
    mine = own(N)
    starts = sorted(range(mine.start, mine.stop, BATCH), key=lambda start: start % count // BATCH)
    for turn in range(math.ceil(math.ceil(N / world()) / BATCH)):  # as many in all processes
        for start in starts[turn : turn + 1]:
            rows = torch.arange(start, min(start + BATCH, mine.stop))
            row, cell = rows // (S * count), slice(start, start + len(rows))
            away = None if negative is None else negative.expand(len(rows), -1)
            x = draw(context[row], scale[rows // count % S], (rows % count).tolist(), weights[row], away)
            pixels[cell], done[cell] = to_uint8(x), 1
            on_sprites(len(rows))
        if highest(stop()):
            break
    device = next(model.parameters()).device
    for values in (pixels, done):
        join_shares(torch.from_numpy(values), device)
    return pixels.reshape(R, S, count, *pixels.shape[1:]), done.astype(bool).reshape(R, S, count)


def sample_per_category(
    model: nn.Module,
    spec: ModelSpec,
    scale: float,
    per_category: int,
    seed: int,
    draw: Callable[..., Tensor] = generate,
    **sampling,
) -> tuple[Tensor, Tensor]:
    """`per_category` sprites of each category at one scale, each from noise of its own: x [N, C, H, W], labels [N].

    draw: `generate`, or `generate_together` where every process comes here.
    """
    K = len(spec.categories)
    labels = torch.arange(K).repeat_interleave(per_category)
    context = spec.contexts()[labels]
    return draw(model, spec, context, scale, seed=seed, indices=range(len(labels)), **sampling), labels
