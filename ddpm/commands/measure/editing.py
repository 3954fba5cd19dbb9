"""Measure what edit.py promises: how likeness falls with the strength, seams, the way back, the time.

    python scripts/make_sprites.py --out FRESH --seed 777 --count 840
    python scripts/editing.py shipped --data FRESH

FRESH are sprites that the model has not seen.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_guidance, check_results, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import held, write_results

FEW = 100  # sprites for all but the seams


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along."""
    data: Path
    """The folder of sprites to edit."""
    count: int = 1200
    """Sprites that get masks, and as many that stay untouched."""
    guidance: float = 2.0
    seed: int = 0
    out: Path = Path("runs/editing")
    """Folder for likeness.png, editing.json and editing.md."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        check_count("--count", self.count)
        check_guidance((self.guidance,))
        check_seed(self.seed)
        check_results("--out", self.out, "editing.json", self.data)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import numpy as np
    from tabulate import tabulate

    from ddpm.commands.shared import edit_figures as figures
    from ddpm.commands.shared.edits import STEPS
    from ddpm.context.condition import Condition
    from ddpm.data.tensors import to_tensor
    from ddpm.runs.models import load_model
    from ddpm.sampling import Sampler
    from ddpm.show.figures import likeness
    from ddpm.show.grids import save_picture
    from sprites.loading import load_sprites

    model, spec = load_model(args.model)
    model.to(pick_device(args.device))
    found = load_sprites(args.data)
    if found.images.shape[1:] != (spec.size, spec.size, spec.channels) or set(found.categories) - set(spec.categories):
        raise ValueError(f"{args.data} holds other sprites than those of the model, {spec.describe()}")
    rows = np.random.default_rng(args.seed).permutation(len(found.images))[: 2 * args.count]
    x0 = to_tensor(found.images[rows])
    condition = Condition.of(spec.contexts()[[spec.categories.index(found.categories[k]) for k in found.labels[rows]]])
    few, sampling = (condition[:FEW], x0[:FEW]), Sampling(seed=args.seed)
    sampler, back = (Sampler(model, spec, s) for s in (sampling, replace(sampling, sampler="ddim", steps=STEPS)))
    with held(args.out):
        tables = {
            "likeness": figures.likeness(sampler, *few, args.guidance),
            "seams": figures.seams(sampler, condition, x0, args.guidance, args.seed),
            "tiles": figures.tiling(sampler, *few, args.seed),
            "back": figures.way_back(back, *few),
            "time": figures.times(sampler, *few, args.guidance),
        }
        said = (
            "\n\n".join(tabulate(t, headers="keys", floatfmt=".3f", tablefmt="github") for t in tables.values()) + "\n"
        )
        print(said, end="")
        draw = partial(save_picture, args.out / "likeness.png", likeness(tables["likeness"]))
        write_results(args.out, "editing", asdict(args) | tables, {".md": said}, draw)
        print(f"{args.out}: likeness.png, editing.md and .json")
    return 0
