"""The training loss of models on sprites that they never saw, all at the same timesteps and noise.

    python scripts/losses.py shipped walks --data runs/unseen

Each sprite has its category and, where the model and tags.csv know the same ones, its tags told. The columns are the
loss over all timesteps and over each quarter of them, the least noisy first. Losses compare where models predict the
same thing: a row says what.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress

if TYPE_CHECKING:
    from torch import Tensor

    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec

QUARTERS = 4
BATCH = 100


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


def sprites_for(args: Arguments, spec: "ModelSpec") -> tuple["Tensor", "Tensor"]:
    """x0 [N, C, H, W] in [-1, 1] of the folder, and what this model is told of each, [N, V].

    Raises ValueError for sprites that are not like those of the model, and for a student, which has no such loss.
    """
    import numpy as np

    from ddpm.config import DataConfig
    from ddpm.data.loading import load_data
    from ddpm.runs.transfer import places

    if spec.student:
        raise ValueError("a student was not trained by this loss; give its teacher")
    tags = bool(spec.facets) and (args.data / "tags.csv").exists()
    data = load_data(args.data, DataConfig(size=spec.size, palette="none", tags=tags, val_fraction=0.0))
    if data.sprites.channels != spec.channels:
        raise ValueError(f"{args.data}: sprites of {data.sprites.channels} channels; the model has {spec.channels}")
    if missing := [name for name in data.sprites.categories if name not in spec.categories]:
        raise ValueError(f"{args.data}: the model knows no {missing[0]}, but {', '.join(spec.categories)}")
    N = len(data.sprites)
    rows = np.random.default_rng(args.seed).permutation(N)[: args.count]
    x0, _ = data.batch(rows)
    told = data.contexts(rows)
    ours, theirs = places(spec.vocabulary, data.vocabulary)
    context = told.new_zeros(len(rows), spec.places)
    context[:, ours] = told[:, theirs]
    return x0, context


def losses(
    model: "ContextUNet", spec: "ModelSpec", x0: "Tensor", context: "Tensor", seed: int
) -> tuple["Tensor", "Tensor"]:
    """`Diffusion.loss` of each sprite, [N], at timesteps spread evenly over all of them, and in which quarter of them
    that was, int64 [N]."""
    import torch

    from ddpm.diffusion.prediction import stratified_timesteps

    g, diffusion = torch.Generator().manual_seed(seed), spec.build_diffusion()
    t = stratified_timesteps(len(x0), len(diffusion.schedule), g)
    eps, found = torch.randn(x0.shape, generator=g), []
    with torch.no_grad(), progress(total=len(x0), unit="sprite", leave=False) as bar:
        for part in zip(*(a.split(BATCH) for a in (x0, context, t, eps)), strict=True):
            found.append(diffusion.loss(model, *part))
            bar.update(len(part[0]))
    return torch.cat(found), t * QUARTERS // len(diffusion.schedule)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.evaluation.report import text_table
    from ddpm.runs.models import load_model

    models = [load_model(path) for path in args.models]
    rows = []
    for path, (model, spec) in zip(args.models, models, strict=True):
        loss, quarter = losses(model, spec, *sprites_for(args, spec), args.seed)
        means = [loss, *(loss[quarter == q] for q in range(QUARTERS))]
        rows.append([str(path), spec.prediction, str(len(loss)), *(f"{m.mean():.3f}" for m in means if len(m))])
    print(text_table(["", "predicts", "sprites", "loss", "1st quarter", "2nd", "3rd", "4th"], rows), end="")
    return 0
