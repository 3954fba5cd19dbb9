"""The training loss of models on sprites that they never saw, all at the same timesteps and noise.

    python scripts/losses.py shipped walks --data runs/unseen

Each sprite has its category and, where the model and tags.csv know the same ones, its tags told. The columns are the
loss over all timesteps and over each quarter of them, the least noisy first. Losses compare where models predict the
same thing: a row says what.

The second table has the guidance scale whose mixture, uncond + s (cond - uncond), is nearest to these sprites. It is 1
where a model makes as much of a category as it should, less where it makes too much of it, as where some sprites were
learnt by heart: guidance of 1 then is already some guidance.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ddpm.data.collection import SpriteData
    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec

QUARTERS = 4


@dataclass(frozen=True)
class Arguments:
    models: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders, .safetensors files, or names of models that come along."""
    data: Path
    """A folder of sprites that none of them was trained on."""
    count: int = 1000
    """Sprites, chosen at random; all of a folder that has fewer."""
    seed: int = 0

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        if not self.models:
            raise ValueError("MODELS: name one or more models")
        check_count("--count", self.count)
        check_seed(self.seed)


def told(folder: Path, spec: "ModelSpec", data: "SpriteData", rows: "np.ndarray") -> "Tensor":
    """What a model is told of some sprites of a folder, [N, V].

    Raises ValueError for sprites that are not like those of the model, and for a student, which has no such loss.
    """
    from ddpm.runs.transfer import places

    if spec.student:
        raise ValueError("a student was not trained by this loss; give its teacher")
    for what, has, wanted in (
        ("pixels a side", data.sprites.size, spec.size),
        ("channels", data.sprites.channels, spec.channels),
    ):
        if has != wanted:
            raise ValueError(f"{folder}: sprites of {has} {what}; the model has {wanted}")
    if missing := [name for name in data.sprites.categories if name not in spec.categories]:
        raise ValueError(f"{folder}: the model knows no {missing[0]}, but {', '.join(spec.categories)}")
    seen = data.contexts(rows)
    ours, theirs = places(spec.vocabulary, data.vocabulary)
    context = seen.new_zeros(len(rows), spec.places)
    context[:, ours] = seen[:, theirs]
    return context


def losses(
    model: "ContextUNet", spec: "ModelSpec", x0: "Tensor", context: "Tensor", seed: int
) -> tuple["Tensor", "Tensor"]:
    """`comparable_losses` of sprites, [N], and in which quarter of the timesteps each was taken, int64 [N]."""
    import torch

    from ddpm.diffusion.prediction import comparable_losses

    g, diffusion = torch.Generator().manual_seed(seed), spec.build_diffusion()
    with progress(total=len(x0), unit="sprite", leave=False) as bar:
        loss, t = comparable_losses(diffusion, model, x0, context, g, bar.update)
    return loss, t * QUARTERS // len(diffusion.schedule)


def scales(model: "ContextUNet", spec: "ModelSpec", x0: "Tensor", context: "Tensor", seed: int) -> list[float]:
    """`nearest_scale` of sprites, with the noise of `losses`, over all timesteps and over each quarter of them."""
    import torch

    from ddpm.diffusion.guidance import nearest_scale
    from ddpm.diffusion.prediction import AT_ONCE, comparable_noise

    diffusion = spec.build_diffusion()
    denoise, schedule = diffusion.denoiser(model), diffusion.schedule
    t, eps = comparable_noise(x0, len(schedule), torch.Generator().manual_seed(seed))
    parts = zip(*(a.split(AT_ONCE) for a in (schedule.add_noise(x0, eps, t), t, context)), strict=True)
    found = []
    with torch.no_grad(), progress(total=len(x0), unit="sprite", leave=False) as bar:
        for x_t, at, c in parts:
            found.append((denoise(x_t, at, c), denoise(x_t, at, torch.zeros_like(c))))
            bar.update(len(x_t))
    cond, uncond = map(torch.cat, zip(*found, strict=True))
    quarter = t * QUARTERS // len(schedule)
    groups = [quarter >= 0, *(quarter == q for q in range(QUARTERS))]
    return [nearest_scale(*(a[g] for a in (x0, cond, uncond))).item() for g in groups]


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import numpy as np

    from ddpm.config import DataConfig
    from ddpm.data.loading import load_data
    from ddpm.evaluation.report import text_table
    from ddpm.runs.models import load_model

    models = [load_model(path) for path in args.models]
    tags = any(spec.facets for _, spec in models) and (args.data / "tags.csv").exists()
    data = load_data(args.data, DataConfig(palette="none", tags=tags, val_fraction=0.0))
    rows = np.random.default_rng(args.seed).permutation(len(data.sprites))[: args.count]
    x0, _ = data.batch(rows)
    contexts = [told(args.data, spec, data, rows) for _, spec in models]
    table, nearest = [], []
    for path, (model, spec), context in zip(args.models, models, contexts, strict=True):
        loss, quarter = losses(model, spec, x0, context, args.seed)
        means = [loss, *(loss[quarter == q] for q in range(QUARTERS))]
        shown = [f"{m.mean():.3f}" if len(m) else "" for m in means]
        table.append([str(path), spec.prediction, str(len(loss)), *shown])
        found = scales(model, spec, x0, context, args.seed)
        nearest.append([str(path), *("" if math.isnan(s) else f"{s:.2f}" for s in found)])  # of nothing there is none
    quarters = ["1st quarter", "2nd", "3rd", "4th"]
    print(text_table(["", "predicts", "sprites", "loss", *quarters], table))
    print(text_table(["", "nearest scale", *quarters], nearest), end="")
    return 0
