"""What a model file says of its network: all that is needed to build it and to sample from it."""

import re
import reprlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ddpm.config import DiffusionConfig, ModelConfig, PredictionName, StudentConfig
from ddpm.context.categories import one_hot
from ddpm.context.completion import unpacked
from ddpm.context.tags import CATEGORY, without
from ddpm.data.pixel_art import Style
from ddpm.diffusion.colours import Colours
from ddpm.diffusion.prediction import Diffusion
from ddpm.diffusion.schedule import make_schedule
from ddpm.network.unet import ContextUNet
from sprites import files
from sprites.colour import MOST
from sprites.reading.image import SIZES


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build a model and to sample from it. What its settings leave open is filled in."""

    size: int
    channels: int
    categories: tuple[str, ...]
    model: ModelConfig
    diffusion: DiffusionConfig
    student: StudentConfig | None = None
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a model that takes tags: the values of each facet but the category."""
    palette: tuple[str, ...] = ()
    """The colours of the sprites that it was trained on, as "d19b62", if they are few."""
    style: Style | None = None
    """What these are like."""
    moving: tuple[str, ...] = ()
    """Of a model of clips: the categories that it saw clips of."""
    varying: tuple[str, ...] = ()
    """And the facets, such as "frame", that differ within a clip: its place in the cycle tells them, no tag does."""

    moved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """And of each facet the values that it saw in clips; of one that is not named it is not known."""

    packed: str = field(default="", compare=False)
    """Of a model that takes tags: `together`, as text. Models that differ in it alone fit together."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", self.model.for_size(self.size))
        object.__setattr__(self, "diffusion", self.diffusion.for_sprites(self.size, bool(self.palette)))
        if not 1 <= self.size <= SIZES[-1] or self.channels not in (3, 4):
            raise ValueError(
                f"sprites of {self.size} pixels in {self.channels} channels: expected up to {SIZES[-1]} in 3 or 4"
            )
        files.check_names(self.categories)
        if self.facets:
            files.check_names(tuple(self.facets))
        if not set(self.moving) <= set(self.categories):
            raise ValueError(f"moving: got {reprlib.repr(self.moving)}, expected some of its categories")
        if not set(self.varying) <= set(self.facets):
            raise ValueError(f"varying: got {reprlib.repr(self.varying)}, expected some of its facets")
        for values in self.facets.values():
            files.check_names(values)
        if wrong := [f for f, values in self.moved.items() if not set(values) <= set(self.facets.get(f, ()))]:
            raise ValueError(f"moved: got {reprlib.repr(self.moved[wrong[0]])}, expected some values of its facets")
        if not all(re.fullmatch("[0-9a-f]{6}", colour) for colour in self.palette) or len(self.palette) > MOST:
            raise ValueError(f'a palette is up to {MOST} colours such as "d19b62", got {reprlib.repr(self.palette)}')
        if any(len(places) > self.places for places in self.together):
            raise ValueError(f"its lists of tags are longer than a context, which has {self.places} places")
        if beyond := [place for places in self.together for place in places if not 0 <= place < self.places]:
            raise ValueError(f"its lists of tags name place {beyond[0]} of a context, which has {self.places}")
        if self.prediction == "colours" and not self.palette:
            raise ValueError(
                f"diffusion.prediction = colours needs a palette, which a set of more than {MOST} colours has not by "
                "itself: give one by --palette FILE or a number, or another prediction"
            )

    @property
    def prediction(self) -> PredictionName:
        """What the network predicts."""
        return self.diffusion.prediction

    @property
    def colours(self) -> Colours | None:
        """Those that the network predicts, if it does."""
        return Colours(self.palette, self.channels) if self.prediction == "colours" else None

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """All that can be asked for, in the order of a context."""
        return {CATEGORY: self.categories} | self.facets

    @property
    def places(self) -> int:
        """Length of a context."""
        return sum(map(len, self.vocabulary.values()))

    @cached_property
    def together(self) -> list[list[int]]:
        """For each of some sprites that it was trained on, the places of a context that it has."""
        return unpacked(self.packed)

    @property
    def lasting(self) -> Tensor:
        """bool [V]: places of a context that a clip can be asked for, which are all but those of `varying`."""
        return without(self.varying, self.vocabulary)

    @property
    def moves(self) -> Tensor:
        """bool [V]: places of a context that the model saw in clips, and those of which that is not known."""
        seen = ({CATEGORY: self.moving} if self.moving else {}) | self.moved
        return torch.tensor([v in seen.get(f, (v,)) for f, values in self.vocabulary.items() for v in values])

    def at_step(self, step: Tensor) -> Tensor:
        """Flags [B, V] by which a still is asked to be at these steps of a cycle, int64 [B]: of the facets that differ
        between frames and whose values are the steps, counted from 0. Zeros if there are none."""
        cycle, flags = self.model.frames, []
        for facet, values in self.vocabulary.items():
            says = facet in self.varying and values == tuple(map(str, range(cycle)))
            flags.append(one_hot(step, cycle) if says else torch.zeros(len(step), len(values), device=step.device))
        return torch.cat(flags, 1)

    def never_moved(self, context: Tensor) -> list[str]:
        """Of the tags that a context [V] asks for, such as "kind=slime", those that the model saw in no clip."""
        names = [f"{f}={value}" for f, values in self.vocabulary.items() for value in values]
        return [names[place] for place in ((context > 0) & ~self.moves).nonzero().flatten().tolist()]

    def of_stills(self) -> "ModelSpec":
        """The same without what a model of clips knows of frames."""
        return replace(self, model=replace(self.model, frames=1), moving=(), varying=(), moved={})

    def contexts(self) -> Tensor:
        """Each category alone, float32 [K, V]."""
        return torch.eye(len(self.categories), self.places)

    def describe(self) -> str:
        """Size, channels and categories, for messages."""
        return f"{self.size}x{self.size} in {self.channels} channels of {', '.join(self.categories)}"

    def build(self, **others: int) -> ContextUNet:
        """The network; `others` are arguments of it that are to differ."""
        m, colours = self.model, self.colours
        points = m.pointer and m.frames > 1 and m.patch == 1
        arguments: dict[str, Any] = {
            "channels": self.channels,
            "places": self.places,
            "widths": m.widths,
            "blocks": m.blocks,
            "attention": m.attention,
            "patch": m.patch,
            "separable": m.separable,
            "facets": tuple(map(len, self.vocabulary.values())) if self.facets else (),
            "mask_tags": m.mask_tags,
            "frames": m.frames,
            "guided": self.student is not None,
            "outputs": len(colours) if colours else None,
            "colours": colours.table if colours and points else None,
        }
        return ContextUNet(**arguments | others)

    def build_diffusion(self) -> Diffusion:
        d = self.diffusion
        schedule = make_schedule(d.schedule, d.timesteps, d.zero_terminal_snr, d.log_snr_shift or 0.0)
        return Diffusion(schedule, self.prediction, d.loss_weight, self.colours)
