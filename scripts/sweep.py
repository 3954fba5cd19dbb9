"""Measure a model's samples at several guidance scales against the sprites it was trained on.

    python scripts/sweep.py runs/mine --data FOLDER --guidance 0 1 1.5 2 3 5 --per-category 200

A classifier is trained on the training split of FOLDER and judges: class accuracy (is a sprite taken for the category
it was asked to be?) and Frechet distance of its features to those of the training sprites, every category weighing the
same. The row "held-out" is real sprites never trained on: the accuracy to reach, and the distance of so few.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from ddpm.cli import exit_on_user_error, pick_device, written_aside


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder or a .safetensors file."""
    data: Path
    """The folder of sprites to compare with."""
    guidance: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
    per_category: int = 200
    """Sprites sampled per category at each scale."""
    sampler: Literal["dpmpp_2m", "ddim", "ddpm"] = "dpmpp_2m"
    steps: int = 20
    seed: int = 0
    out: Path | None = None
    """Folder for sweep.json and sweep.txt; left out: the model's folder."""
    judges: Path = Path("runs/judges")
    """Folder where the classifier of each data set is kept for the next time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"


@exit_on_user_error
def main() -> int:
    args = tyro.cli(Arguments, description=__doc__)
    if args.per_category < 2:
        raise ValueError(f"--per-category must be at least 2, got {args.per_category}")
    from ddpm.checkpoint import load_model
    from ddpm.config import Config, load_config
    from ddpm.data import load_data
    from ddpm.evaluate import Judge, sample_per_category

    model, spec = load_model(args.model)
    model.to(pick_device(args.device))
    run = args.model if args.model.is_dir() else args.model.parent
    # The same split as in training, or "held-out" would not be; without a run folder, the default one.
    trained = load_config(run / "config.toml") if (run / "config.toml").exists() else Config()
    data = load_data(args.data, size=spec.size, resize=trained.resize, val_fraction=trained.val_fraction)
    if (data.sprites.categories, data.sprites.channels) != (spec.categories, spec.channels):
        raise ValueError(
            f"{args.data} has categories {', '.join(data.sprites.categories)} in {data.sprites.channels} channels, the "
            f"model {', '.join(spec.categories)} in {spec.channels}: give the data it was trained on"
        )
    out = args.out or run
    out.mkdir(parents=True, exist_ok=True)
    judge = Judge(data, cache=args.judges)
    rows = []
    if len(data.val) > 1:
        rows.append({"name": "held-out", "guidance": None, "sprites": len(data.val), **judge.held_out()})
    for s in args.guidance:
        x, labels = sample_per_category(
            model, spec, s, args.per_category, args.seed, sampler=args.sampler, steps=args.steps
        )
        rows.append({"name": f"s = {s:g}", "guidance": s, "sprites": len(x), **judge(x, labels)})
    table = f"{'':10} {'sprites':>8} {'class accuracy':>15} {'Frechet distance':>17}\n" + "".join(
        f"{r['name']:10} {r['sprites']:8d} {r['class_accuracy']:15.3f} {r['frechet_distance']:17.3f}\n" for r in rows
    )
    print(table, end="")
    for name, text in (("sweep.json", json.dumps(rows, indent=1) + "\n"), ("sweep.txt", table)):
        with written_aside(out / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
