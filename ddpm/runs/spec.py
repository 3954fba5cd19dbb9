"""What a model file says of its network: all that is needed to build it and to sample from it."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ddpm.config import DiffusionConfig, ModelConfig, StudentConfig
from ddpm.context.tags import CATEGORY
from ddpm.diffusion.prediction import Diffusion
from ddpm.diffusion.schedule import make_schedule
from ddpm.network.unet import ContextUNet
from sprites import files
from sprites.reading.image import SIZES


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build a model and to sample from it."""

    size: int
    channels: int
    categories: tuple[str, ...]
    model: ModelConfig
    diffusion: DiffusionConfig
    student: StudentConfig | None = None
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a model that takes tags: the values of each facet but the category."""

    def __post_init__(self) -> None:
        if not 1 <= self.size <= SIZES[-1] or self.channels not in (3, 4):
            raise ValueError(
                f"sprites of {self.size} pixels in {self.channels} channels: expected up to {SIZES[-1]} in 3 or 4"
            )
        files.check_names(self.categories)
        if self.facets:
            files.check_names(tuple(self.facets))
        for values in self.facets.values():
            files.check_names(values)

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """All that can be asked for, in the order of a context."""
        return {CATEGORY: self.categories} | self.facets

    @property
    def places(self) -> int:
        """Length of a context."""
        return sum(map(len, self.vocabulary.values()))

    def contexts(self) -> Tensor:
        """Each category alone, float32 [K, V]."""
        return torch.eye(len(self.categories), self.places)

    def describe(self) -> str:
        """Size, channels and categories, for messages."""
        return f"{self.size}x{self.size} in {self.channels} channels of {', '.join(self.categories)}"

    def build(self) -> ContextUNet:
        m = self.model
        patch = m.patch or max(1, self.size // 16)
        facets = tuple(map(len, self.vocabulary.values())) if self.facets else ()
        guided = self.student is not None
        return ContextUNet(
            self.channels, self.places, m.widths, m.blocks, m.attention, patch, guided, facets, m.mask_tags
        )

    def build_diffusion(self) -> Diffusion:
        d = self.diffusion
        return Diffusion(make_schedule(d.schedule, d.timesteps, d.zero_terminal_snr), d.prediction, d.loss_weight)
