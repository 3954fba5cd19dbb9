"""Clips of a model, with the tags of real cycles: from tags, from a still, longer ones, and frames on their own."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddpm.animation import Animator
from ddpm.commands.measure.clips.stacked import Stacked
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_uint8
from ddpm.evaluation.clips.cycles import Cycles
from ddpm.evaluation.clips.figures import Walked
from ddpm.sampling import OnSprites


def walked(name: str, x: Tensor, like: Cycles, given: int = 0) -> Walked:
    """Clips x [N, F, C, H, W] in [-1, 1] as they are measured. Raises ValueError for those that are not finite."""
    if not x.isfinite().all():
        raise ValueError(f"clips of the row {name!r} are not finite: the model is broken")
    return Walked(name, to_uint8(x), like, given)


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes a clip for each of N real cycles. Clip n has the noise of index n, whatever it is made from."""

    animator: Animator
    like: Cycles
    on_frames: OnSprites

    def from_tags(
        self, name: str, scale: float, history: float | None = None, frames: int | None = None, count: int | None = None
    ) -> Walked:
        """From the tags alone, at a guidance scale; of the first `count` cycles, or of all."""
        like = self.like[:count]
        return self.made(name, like, like.contexts, scale, history, frames or like.length)

    def from_still(self, name: str, scale: float, tagged: bool) -> Walked:
        """From the first frame, with the tags or without, as from a picture that nobody has described."""
        contexts = self.like.contexts
        asked = contexts if tagged else torch.zeros_like(contexts)
        return self.made(name, self.like, asked, scale, None, self.like.length, given=1)

    def made(
        self,
        name: str,
        like: Cycles,
        contexts: Tensor,
        scale: float,
        history: float | None,
        frames: int,
        given: int = 0,
    ) -> Walked:
        """Clips of so many frames, of which the first ones are given."""
        x = self.animator(
            Condition.of(contexts),
            scale,
            range(len(like)),
            frames,
            history=history,
            given=like.x[:, :given] if given else None,
            on_frames=self.on_frames,
        )
        return walked(name, x, like, given)

    def alone(self, name: str, scale: float, one_noise: bool) -> Walked:
        """Each frame a still for itself, asked for by all tags of the real one, that of the frame among them.

        one_noise: all frames of a clip begin from the same noise."""
        N, L = self.like.rows.shape
        indices = np.repeat(np.arange(N), L) if one_noise else np.arange(N * L)
        asked = Condition.of(self.like.frame_contexts.flatten(0, 1))
        x = self.animator.sampler(asked, scale, indices.tolist(), on_sprites=self.on_frames)
        return walked(name, x.unflatten(0, (N, L)), self.like)

    def stacked(self, name: str, model: Stacked, scale: float) -> Walked:
        """By a network that sees all frames as channels."""
        clips = model.sampled(self.animator.sampler, self.like.contexts, scale, self.on_frames)
        return walked(name, clips, self.like)
