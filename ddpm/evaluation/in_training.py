"""A small evaluation during training, and a last look: has it learnt its sprites by heart?"""

import math
from functools import cached_property

from torch import Tensor, nn

from ddpm.config import Config, Sampling
from ddpm.data.collection import SpriteData
from ddpm.evaluation.copies import background, is_copy, nearest, verdict
from ddpm.evaluation.judge import Judge, at_most
from ddpm.runs.folder import judges_beside
from ddpm.runs.models import BEST_FILE, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import read_safetensors
from ddpm.sampling import Sampler
from ddpm.system.console import warn
from ddpm.system.outputs import attempt

LOOKED_AT, LOOKED_AT_GUIDANCE = 100, 1.5  # sprites that are compared with the training sprites, and their scale
FEW = 2000  # training sprites; more are not learnt by heart
MANY = 0.2  # of what is sampled, where no held-out sprites tell how many copies there are by nature


class Evaluation:
    """A small evaluation during training, always from the same noise; keeps the best weights of a run by it."""

    def __init__(self, config: Config, data: SpriteData):
        self.config, self.run, self.data = config, config.out, data
        self.settings = {"guidance": config.log.evaluate_guidance, "per_category": config.log.evaluate_count}
        self.judge: Judge | None = None
        self.best = math.inf
        if (self.run / BEST_FILE).exists():
            try:
                about = read_safetensors(self.run / BEST_FILE)[1]
            except ValueError as e:
                warn(f"{e}; it is replaced at the next evaluation")
                about = {}
            distance = about.get("frechet_distance")
            if about.items() >= self.settings.items() and isinstance(distance, float):  # else it is not alike
                self.best = distance

    def __call__(self, model: nn.Module, spec: ModelSpec, step: int) -> dict[str, float]:
        """Judge `model` at `step`, keep it as best.safetensors if its Frechet distance is the lowest yet, and return
        the figures under their names in TensorBoard."""
        self.judge = self.judge or Judge(self.data, cache=judges_beside(self.run))
        log, sampler = self.config.log, Sampler(model, spec, Sampling(seed=self.config.seed))
        x, labels = sampler.per_category(log.evaluate_guidance, log.evaluate_count)
        if not x.isfinite().all():
            warn(f"at step {step}, sampled sprites are not finite: they are not judged")
            return {}
        figures = self.judge(x, labels)
        if figures["frechet_distance"] < self.best:
            attempt(step, self.keep, model, spec, step, figures["frechet_distance"])
        pixel_art = {f"pixel_art/{name}": value for name, value in self.judge.pixel_art(x).items()}
        return {f"evaluation/{name}": value for name, value in figures.items()} | pixel_art

    def keep(self, model: nn.Module, spec: ModelSpec, step: int, distance: float) -> None:
        """Write these weights as the best, with the distance that they are best by."""
        save_model(self.run / BEST_FILE, model, spec, step, **self.settings, frechet_distance=distance)
        self.best = distance


class ByHeart:
    """Looks whether what a model samples are copies of its training sprites, more often than held-out sprites are."""

    def __init__(self, config: Config, data: SpriteData):
        self.data, self.sampling = data, Sampling(seed=config.seed)

    @cached_property
    def held_out(self) -> tuple[int, int] | None:
        """How many held-out sprites are copies, and of how many; None if none are held out."""
        return self.copies(self.data.validation()[0]) if len(self.data.val) else None

    @cached_property
    def training(self) -> Tensor:
        """Training sprites [L, C, H, W] to compare with."""
        return self.data.batch(at_most(FEW, self.data.train, 0))[0]

    def copies(self, x: Tensor) -> tuple[int, int]:
        """How many of sprites x [N, C, H, W] are copies of training sprites, and N."""
        return int(is_copy(x, nearest(x, self.training), background(self.training)).sum()), len(x)

    def __call__(self, model: nn.Module, spec: ModelSpec, step: int) -> str:
        """A line that says so, which is a warning too, or ""."""
        sampler = Sampler(model, spec, self.sampling)
        x, _ = sampler.per_category(LOOKED_AT_GUIDANCE, -(-LOOKED_AT // len(spec.categories)))
        sampled, held_out = self.copies(x.cpu()), self.held_out
        judged = verdict(sampled, held_out)
        if not (judged.memorises or (judged.memorises is None and judged.generated >= MANY)):
            return ""
        others = f", of {held_out[1]} held-out ones {held_out[0]}" if held_out else ""
        line = (
            f"at step {step}, {sampled[0]} of {sampled[1]} sampled sprites are copies of training sprites{others}: "
            "they are learnt by heart; more sprites, --mirror, --shift 1 and fewer steps help"
        )
        warn(line)
        return line
