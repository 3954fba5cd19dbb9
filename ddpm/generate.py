"""From a trained model to sprites: denoiser, guidance, time grid and sampler put together."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ddpm.checkpoint import ModelSpec
from ddpm.guidance import classifier_free, clip
from ddpm.samplers import SAMPLERS, OnStep, SampleNoise
from ddpm.schedule import trailing_timesteps


@torch.no_grad()
def generate(
    model: nn.Module,
    spec: ModelSpec,
    context: Tensor,
    scale: float | Tensor,
    *,
    seed: int,
    indices: Sequence[int],
    sampler: str = "dpmpp_2m",
    steps: int = 20,
    batch: int = 256,
    on_step: OnStep | None = None,
    progress: bool = False,
) -> Tensor:
    """Sample one sprite for each row of `context`.

    context: [N, K]; scale: guidance scale, one number or [N]; indices: N numbers, of which each, with `seed`, fixes the
    noise of its sprite: the same index gives the same noise for any context and scale. `batch`: how many are drawn at a
    time, which changes nothing but memory. `on_step` is called for each batch; `progress` shows a bar.
    Returns x0 [N, C, H, W] in [-1, 1]. Raises ValueError for an unknown sampler or for more steps than the model has.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}: choose one of {', '.join(SAMPLERS)}")
    scales = torch.as_tensor(scale, dtype=torch.float32)
    if len(indices) != len(context) or scales.shape not in ((), (len(context),)):
        raise ValueError(
            f"{len(context)} contexts need as many indices and one guidance scale or as many, "
            f"got {len(indices)} indices and scales of shape {tuple(scales.shape)}"
        )
    scales = scales.expand(len(context))
    device = next(model.parameters()).device
    diffusion = spec.build_diffusion()
    denoise = diffusion.denoiser(model)
    timesteps = trailing_timesteps(len(diffusion.schedule), steps).to(device)
    done = []
    for rows in tqdm(torch.arange(len(context)).split(batch), "sampling", unit="batch", disable=not progress):
        noise = SampleNoise(seed, [indices[i] for i in rows], device)
        guided = clip(classifier_free(denoise, context[rows].to(device), scales[rows].to(device)))
        x = noise((spec.channels, spec.size, spec.size))
        done.append(SAMPLERS[sampler](guided, x, timesteps, diffusion.schedule, noise, on_step))
    return torch.cat(done)
