"""A small evaluation during training."""

import math

from torch import nn

from ddpm.config import Config, Sampling
from ddpm.data.collection import SpriteData
from ddpm.evaluation.judge import Judge
from ddpm.runs.folder import judges_beside
from ddpm.runs.models import BEST_FILE, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import read_safetensors
from ddpm.sampling import Sampler
from ddpm.system.console import warn
from ddpm.system.outputs import attempt


class Evaluation:
    """A small evaluation during training, always from the same noise; keeps the best weights of a run by it."""

    def __init__(self, config: Config, spec: ModelSpec, data: SpriteData):
        self.config, self.run, self.spec, self.data = config, config.out, spec, data
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

    def __call__(self, model: nn.Module, step: int) -> dict[str, float]:
        """Judge `model` at `step`, keep it as best.safetensors if its Frechet distance is the lowest yet, and return
        the figures under their names in TensorBoard."""
        self.judge = self.judge or Judge(self.data, cache=judges_beside(self.run))
        log, sampler = self.config.log, Sampler(model, self.spec, Sampling(seed=self.config.seed))
        x, labels = sampler.per_category(log.evaluate_guidance, log.evaluate_count)
        if not x.isfinite().all():
            warn(f"at step {step}, sampled sprites are not finite: they are not judged")
            return {}
        figures = self.judge(x, labels)
        if figures["frechet_distance"] < self.best:
            attempt(step, self.keep, model, step, figures["frechet_distance"])
        pixel_art = {f"pixel_art/{name}": value for name, value in self.judge.pixel_art(x).items()}
        return {f"evaluation/{name}": value for name, value in figures.items()} | pixel_art

    def keep(self, model: nn.Module, step: int, distance: float) -> None:
        """Write these weights as the best, with the distance that they are best by."""
        figures = self.settings | {"frechet_distance": distance}
        save_model(self.run / BEST_FILE, model, self.spec, step, figures=figures)
        self.best = distance
