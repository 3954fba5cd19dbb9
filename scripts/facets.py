"""Measure a model that takes tags: does it show those that are asked for, and vary in those left open?

    python scripts/facets.py runs/tags --data sprites --guidance 1 2

A classifier trained on the training split of FOLDER sees the tags in sprites. A row of the table is what was asked
for: one facet alone, as training sprites have it, or all of them. A column is what is seen: the share of the asked
values, or in brackets the entropy of a facet left open, as a share of that in real sprites with the same tags.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import tyro

from ddpm.cli import exit_on_user_error, pick_device, write_texts
from ddpm.flags import check_count, check_folder, check_guidance, check_seed


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder or a .safetensors file, trained with --tags."""
    data: Path
    """The folder of sprites, with its tags.csv, that it was trained on."""
    guidance: tuple[float, ...] = (1.0, 2.0)
    count: int = 300
    """Sprites for each row at each scale."""
    epochs: int = 20
    """Of the classifier's training."""
    seed: int = 0
    out: Path | None = None
    """Folder for facets.txt and facets.json; left out, facets/ in the model's folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_guidance(self.guidance)
        check_count("--count", self.count)
        check_count("--epochs", self.epochs)
        check_seed(self.seed)
        check_folder("--out", self.out)


@exit_on_user_error
def main() -> int:
    args = tyro.cli(Arguments, description=__doc__)
    args.check()
    from ddpm.asked import check_tags
    from ddpm.checkpoint import load_model
    from ddpm.data import load_data
    from ddpm.evaluate import run_of
    from ddpm.tag_judge import TagJudge, measure_facets, table

    device = pick_device(args.device)
    model, spec = load_model(args.model)
    check_tags(spec)
    model.to(device)
    data = load_data(args.data, size=spec.size, tags=True)
    if (data.sprites.categories, data.facets) != (spec.categories, spec.facets):
        raise ValueError(f"{args.data} has other tags than the model; give the data that it was trained on")
    out = args.out or run_of(args.model) / "facets"
    out.mkdir(parents=True, exist_ok=True)
    judge = TagJudge(data, args.seed, args.epochs)
    right = judge.right(data.batch(data.val)[0], data.contexts(data.val))
    real = {facet: shown.mean().item() for facet, shown in right.items() if len(shown)}
    text, found = f"held-out sprites: {', '.join(f'{facet} {share:.3f}' for facet, share in real.items())}\n", {}
    for s in args.guidance:
        results = measure_facets(model, spec, judge, s, args.count, args.seed)
        found[f"{s:g}"] = [asdict(r) for r in results]
        text += "\n" + table(results, f"s = {s:g}")
    print(text, end="")
    about = json.dumps(asdict(args) | {"held_out": real, "results": found}, indent=1, default=str)
    write_texts(out, {"facets.txt": text, "facets.json": about + "\n"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
