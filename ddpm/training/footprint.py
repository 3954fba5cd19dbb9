"""How much memory a training takes, told by its settings: what cannot fit is refused before it is built.

Estimates are lower bounds, 0.7 to 0.9 of what large trainings measure, so that nothing that fits is refused.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from ddpm.config import OptimConfig
from ddpm.network.attention import SelfAttention
from ddpm.network.unet import ContextUNet, ResidualBlock
from ddpm.runs.spec import ModelSpec
from ddpm.system.devices import autocast_dtype
from ddpm.system.distributed import is_main, local_world, world
from ddpm.system.memory import available, check_fits


@dataclass(frozen=True)
class Footprint:
    """Bytes that one process of a training takes."""

    lasting: int
    """The weights, their average, and the states of the optimisers."""
    gradients: int
    sample: int
    """What the forward pass keeps of each sample for the backward pass."""
    samples: int
    """That go through the network at once."""
    parts: int
    """Parts of a batch, one after the other (gradient accumulation); gradients stay in between."""
    saving: int
    """What is needed beside what lasts while a checkpoint is written."""

    @property
    def peak(self) -> int:
        """What it takes at most."""
        features = self.sample * self.samples
        step = self.gradients + features if self.parts > 1 else max(self.gradients, features)
        return self.lasting + max(step, self.saving)

    def parts_that_fit(self, free: int) -> int | None:
        """The number of parts at which the batch would fit; None if no number would do."""
        room = 0.7 * free - self.lasting - self.gradients
        return math.ceil(self.parts * self.sample * self.samples / room) if room > self.sample else None


def footprint(spec: ModelSpec, optim: OptimConfig, device: torch.device) -> Footprint:
    """Of one training process, from shapes alone: the network of `spec` is built on the meta device."""
    with torch.device("meta"):
        network = spec.build()
    low = autocast_dtype(optim.precision, device) is not None
    weights = 4 * sum(p.numel() for p in network.parameters())
    by_muon = 4 * sum(m.weight.numel() for m in network.hidden) if optim.optimizer == "muon" else 0
    lasting = 2 * weights + by_muon + 2 * (weights - by_muon)
    return Footprint(
        lasting=lasting,
        gradients=weights * (2 if world() > 1 else 1),  # those that are averaged are copied
        sample=kept(network, spec.size, 2 if low else 4, scores=low and device.type == "cpu"),
        samples=math.ceil(optim.batch / world() / optim.accumulate),
        parts=optim.accumulate,
        # safetensors copies all twice; one process of the machine does it. A GPU's memory has no part in that.
        saving=2 * lasting // local_world() if device.type == "cpu" else 0,
    )


def kept(network: ContextUNet, size: int, width: int, scores: bool) -> int:
    """Bytes that the forward pass keeps of a sample of `size` pixels, in numbers of `width` bytes.

    scores: attention keeps its scores too, as it does where they are multiplied out (see ddpm/network/attention.py).
    """
    side, last = -(-size // network.stride) * network.stride // network.patch, len(network.down) - 1
    stages = [*enumerate(network.down), *((last - i, stage) for i, stage in enumerate(network.up))]
    blocks = [(last, network.middle), *((level, block) for level, stage in stages for block in stage.children())]
    count = 3 * width * side**2 * network.head.in_channels
    if network.outputs > network.channels:  # colours: their logits and probabilities, in float32
        count += 2 * 4 * size**2 * network.outputs
    for level, block in blocks:
        pixels = (side >> level) ** 2
        residual, attend, *cross = block.children()
        assert isinstance(residual, ResidualBlock)
        inputs, outputs = residual.norm1.num_channels, residual.norm2.num_channels
        features = 3 * inputs + 4 * outputs + 5 * outputs * len(cross)  # what goes into norms, SiLUs, convolutions
        if isinstance(residual.conv1, nn.Sequential):
            features += inputs + outputs  # what its channels by themselves become
        if isinstance(attend, SelfAttention):
            features += 6 * outputs
            count += 6 * attend.heads * pixels**2 * scores  # in float32 and in bfloat16
        count += width * features * pixels
    return count


def check_training_fits(spec: ModelSpec, optim: OptimConfig, device: torch.device) -> None:
    """Raise ValueError, with both figures, for a training that would not fit into the memory that is free."""
    if device.type == "cpu" and not is_main():
        return  # it speaks for all of its machine, before any of them takes memory
    processes = local_world() if device.type == "cpu" else 1
    free = (available() if device.type == "cpu" else torch.cuda.mem_get_info(device)[0]) // processes
    needs = footprint(spec, optim, device)
    parts = needs.parts_that_fit(free)
    less = f"--optim.accumulate {parts}, a smaller --optim.batch" if parts else "a smaller --optim.batch"
    narrower = f"narrower --model.widths than {' '.join(map(str, spec.model.widths or ()))}"
    least = needs.lasting + max(needs.gradients, needs.saving)
    advice = f"give {less} or {narrower}" if least < free else f"give {narrower}"
    check_fits("training", processes * needs.peak, advice, processes * free)
