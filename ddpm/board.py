"""What goes to TensorBoard: curves, picture grids, the denoising path, the settings."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from ddpm.checkpoint import ModelSpec
from ddpm.config import Config, flat, to_toml
from ddpm.data import to_uint8
from ddpm.generate import generate
from ddpm.grids import guidance_labels, labelled_grid

FIGURES = ("loss/train", "loss/validation")  # curves whose last values stand in the table of runs
SAMPLING_STEPS = 20  # of the pictures
PATH_PICTURES = 8  # pictures in the strip of the denoising path


def sample_grid(
    model: nn.Module, spec: ModelSpec, scales: tuple[float, ...], count: int, seed: int, steps: int
) -> np.ndarray:
    """Sprites of every category at every scale, from the same noise: uint8 [K, S, count, H, W, C]."""
    K, S = len(spec.categories), len(scales)
    context = torch.eye(K).repeat_interleave(S * count, 0)
    scale = torch.tensor(scales).repeat_interleave(count).repeat(K)
    x = generate(model, spec, context, scale, seed=seed, indices=list(range(count)) * K * S, steps=steps)
    return to_uint8(x).reshape(K, S, count, *x.shape[2:], spec.channels)


def denoising_path(model: nn.Module, spec: ModelSpec, scale: float, seed: int, steps: int) -> Image.Image:
    """One sprite a category on its way: rows are categories, columns x0_hat from the first step to the last."""
    K, seen = len(spec.categories), []
    generate(
        model,
        spec,
        torch.eye(K),
        scale,
        seed=seed,
        indices=range(K),
        steps=steps,
        on_step=lambda i, x, x0: seen.append(x0),
    )
    chosen = np.linspace(0, len(seen) - 1, min(PATH_PICTURES, len(seen))).round().astype(int)
    cells = np.stack([to_uint8(seen[i]) for i in chosen], axis=1)[:, :, None]
    return labelled_grid(cells, spec.categories, [f"step {i + 1}" for i in chosen])


class Board:
    """TensorBoard files of a run, in `config.out`/tb, and the same pictures as PNG in `config.out`/samples."""

    def __init__(self, config: Config, spec: ModelSpec, about_data: str, purge_step: int | None = None):
        self.config, self.spec = config, spec
        self.samples: Path = config.out / "samples"
        self.samples.mkdir(parents=True, exist_ok=True)
        self.writer = SummaryWriter(config.out / "tb", purge_step=purge_step, flush_secs=20)
        if purge_step is None:
            toml = "".join(f"    {line}\n" for line in to_toml(config).splitlines())
            self.writer.add_text("config", f"{about_data}\n\n{toml}", 0)
            self._hyperparameters()

    def _hyperparameters(self) -> None:
        """Enter the settings in the HParams table, beside the last values of the curves in `FIGURES`."""
        settings = {k: str(v) if isinstance(v, list) else v for k, v in flat(self.config).items()}
        for summary in hparams(settings, dict.fromkeys(FIGURES, 0.0)):
            self.writer.file_writer.add_summary(summary)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add a point to each named curve."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def snapshot(self, model: nn.Module, step: int) -> None:
        """Sample with the same seeds as every time; show and save the grid and the path."""
        log = self.config.log
        steps = min(SAMPLING_STEPS, self.config.diffusion.timesteps)
        scale = min(log.guidance, key=lambda s: abs(s - 2))
        cells = sample_grid(model, self.spec, log.guidance, log.count, self.config.seed, steps)
        pictures = {
            "grid": labelled_grid(cells, self.spec.categories, guidance_labels(log.guidance)),
            "path": denoising_path(model, self.spec, scale, self.config.seed, steps),
        }
        for name, picture in pictures.items():
            picture.save(self.samples / f"{name}_{step:07d}.png")
            self.writer.add_image(f"samples/{name}", np.asarray(picture), step, dataformats="HWC")
        self.writer.flush()

    def close(self) -> None:
        """Write what is still held back."""
        self.writer.close()
