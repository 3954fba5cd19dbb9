"""Put runs, forms of guidance, samplers and scales side by side, all from the same noise.

    python scripts/compare.py runs/a runs/b --data FOLDER --guidance 1 2
    python scripts/compare.py runs/a --data FOLDER --forms cfg auto interval+apg --samplers dpmpp_2m:8 ddpm:1000

Every combination is a row of one table (of sweep.py's figures) and a column of one picture. A distilled student is
sampled in its own way in all of them.
"""

from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_guidance, check_results, check_seed, ready
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import held, write_results

if TYPE_CHECKING:
    from ddpm.sampling import Sampler


@dataclass(frozen=True)
class Arguments:
    models: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders, .safetensors files or names of models that come along, trained on the same sprites."""
    data: Path
    """The folder of sprites to compare with."""
    guidance: tuple[float, ...] = (2.0,)
    forms: tuple[str, ...] = (Sampling.form,)
    """Forms of guidance, as of sample.py's --form."""
    samplers: tuple[str, ...] = ("auto",)
    """Sampler and steps, and the grid if it is not the usual one, as in heun:10:log_snr; auto: those that sample.py
    takes."""
    per_category: int = 200
    """Sprites sampled per category and combination."""
    count: int = 4
    """Of those, how many per category are in the picture."""
    unseen: str | None = None
    """As of sweep.py."""
    seed: int = 0
    out: Path = Path("runs/compare")
    """Folder for compare.txt, .md, .json and .png."""
    judges: Path | None = None
    """Folder of the classifiers; left out, judges/ beside the first run."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        if not 1 <= self.count <= self.per_category:
            raise ValueError(f"--count must be from 1 to --per-category, got {self.count} and {self.per_category}")
        check_count("--per-category", self.per_category)
        check_guidance(self.guidance)
        check_seed(self.seed)
        check_results("--out", self.out, "compare.json", self.data)
        for name in ("models", "forms", "samplers"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{name} must be one or more different ones, got {', '.join(map(str, values))}")


def label(args: Arguments, model: Path, form: str, sampler: str, s: float) -> str:
    """What tells this combination from the others."""
    names = [path.stem if path.is_file() else path.name for path in args.models]
    name = names[args.models.index(model)] if len(set(names)) == len(names) else str(model)
    parts = ((name, args.models), (form, args.forms), (sampler, args.samplers))
    return " ".join([*(part for part, among in parts if len(among) > 1), f"s={s:g}"])


def load_models(args: Arguments) -> dict:
    """Network and spec by path. Raises ValueError for models of different sprites."""
    from ddpm.runs.models import load_model

    device = pick_device(args.device)
    models = {path: load_model(path) for path in args.models}
    _, spec = models[args.models[0]]
    for path, (model, other) in models.items():
        model.to(device)
        if other.describe() != spec.describe():
            raise ValueError(f"{path} makes {other.describe()}, {args.models[0]} {spec.describe()}: not comparable")
    return models


def sampler_of(args: Arguments, models: dict, path: Path, form: str, sampler: str) -> "Sampler":
    """The sampler of a row; a student's own, whatever the form and sampler are."""
    model, spec = models[path]
    settings = Sampling.parse(form, sampler, args.seed) if not spec.student else Sampling(seed=args.seed)
    return ready(settings, None, path, model, spec)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import numpy as np

    from ddpm.commands.shared.flags import judges_folder
    from ddpm.data.tensors import to_uint8
    from ddpm.evaluation.judge import HELD_OUT, Judge, data_of, unseen_sprites
    from ddpm.evaluation.report import Report
    from ddpm.show.grids import labelled_grid, left_out, save_picture

    models = load_models(args)
    _, spec = models[args.models[0]]
    combinations = list(product(args.models, args.forms, args.samplers, args.guidance))
    samplers = {way: sampler_of(args, models, *way) for way in dict.fromkeys(way[:3] for way in combinations)}
    names = [label(args, *combination) for combination in combinations]
    data = data_of(args.data, args.models[0], spec, args.per_category)
    unseen = unseen_sprites(args.unseen, data) if args.unseen else None
    judges = judges_folder(args.judges, args.models[0], args.data)
    with held(args.out):
        judge = Judge(data, cache=judges, unseen=unseen)

        held_out = judge.references(args.per_category).get(HELD_OUT)
        rows, cells = [judge.measure(HELD_OUT, *held_out)] if held_out else [], []
        total = 2 * args.per_category * len(spec.categories) * len(combinations)
        with progress(total=total, unit="sprite", unit_scale=True) as bar:
            for (path, form, way, s), name in zip(combinations, names, strict=True):
                bar.set_description(name)
                x, labels = samplers[path, form, way].per_category(s, args.per_category, on_sprites=bar.update)
                rows.append(judge.measure(name, x, labels, s, bar.update))
                cells.append(to_uint8(x.unflatten(0, (len(spec.categories), -1))[:, : args.count]))

        report = Report(rows)
        print(report.table(), end="")
        found = asdict(args) | {"rows": [asdict(r) for r in rows]}
        texts = {".txt": report.table(), ".md": report.markdown()}
        shown = np.stack(cells, 1)
        picture = labelled_grid(shown, spec.categories, names)
        write_results(args.out, "compare", found, texts, partial(save_picture, args.out / "compare.png", picture))
        few = left_out(shown.shape)
        print(f"{args.out}: compare.txt, .md, .json and .png{few and f', which shows {few}'}")
        return 0
