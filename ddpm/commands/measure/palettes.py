"""Compare ways to bring a model's sprites to few colours, all from the same noise.

    python scripts/palettes.py runs/mine --data FOLDER --colours 11

The rows: sprites as the network gives them; each brought to so many colours of its own by Pillow's quantize, and by
--colours; all brought to one palette of so many colours when they are finished (snapped), and by --palette. The columns
are those of sweep.py.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_guidance, check_results, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import held, write_results
from sprites.colour import MOST

if TYPE_CHECKING:
    from torch import Tensor

    from ddpm.sampling import Sampler


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along."""
    data: Path
    """The folder of sprites to compare with."""
    colours: int = 11
    """Of a sprite, and of the palette for all."""
    guidance: float = 2.0
    per_category: int = 200
    """Sprites sampled per category."""
    count: int = 4
    """Of those, how many per category are in the picture."""
    unseen: str | None = None
    """As of sweep.py."""
    seed: int = 0
    out: Path = Path("runs/palettes")
    """Folder for palettes.txt, .md, .json and .png."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        if not 1 <= self.colours <= MOST:
            raise ValueError(f"--colours must be from 1 to {MOST}, got {self.colours}")
        if not 1 <= self.count <= self.per_category:
            raise ValueError(f"--count must be from 1 to --per-category, got {self.count} and {self.per_category}")
        check_count("--per-category", self.per_category)
        check_guidance((self.guidance,))
        check_seed(self.seed)
        check_results("--out", self.out, "palettes.json", self.data)


def ways(args: Arguments, sampler: "Sampler", few: "Sampler", locked: "Sampler") -> Iterator[tuple[str, "Tensor"]]:
    """Names, and sprites x [K * per_category, C, H, W] from the same noise."""
    from ddpm.data.tensors import to_tensor, to_uint8
    from sprites.colour import keep_to
    from sprites.palettes import quantized

    n, s, count = args.colours, args.guidance, args.per_category
    x, _ = sampler.per_category(s, count)
    yield "as it comes", x
    pixels = to_uint8(x)
    yield f"Pillow, {n} each", to_tensor(quantized(pixels, n))
    yield f"--colours {n}", few.per_category(s, count)[0]
    assert locked.pixel_art.palette is not None
    yield f"snapped to {n}", to_tensor(keep_to(pixels, locked.pixel_art.palette))
    yield f"--palette {n}", locked.per_category(s, count)[0]


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import numpy as np
    import torch

    from ddpm.commands.shared.flags import judges_folder
    from ddpm.data.tensors import to_uint8
    from ddpm.evaluation.judge import HELD_OUT, Judge, data_of, unseen_sprites
    from ddpm.evaluation.report import Report
    from ddpm.runs.models import load_model
    from ddpm.sampling import Sampler
    from ddpm.show.grids import labelled_grid, save_picture

    model, spec = load_model(args.model)
    model.to(pick_device(args.device))
    data = data_of(args.data, args.model, spec, args.per_category)
    unseen = unseen_sprites(args.unseen, data) if args.unseen else None
    judges = judges_folder(None, args.model, args.data)
    raw = Sampling(palette="none", seed=args.seed)
    settings = raw, replace(raw, colours=args.colours), replace(raw, palette=str(args.colours))
    samplers = [Sampler(model, spec, s) for s in settings]
    with held(args.out):
        judge = Judge(data, cache=judges, unseen=unseen)
        held_out = judge.references(args.per_category).get(HELD_OUT)
        rows = [judge.measure(HELD_OUT, *held_out)] if held_out else []
        labels, cells = torch.arange(len(spec.categories)).repeat_interleave(args.per_category), []
        for name, x in progress(ways(args, *samplers), total=5, unit="way"):
            rows.append(judge.measure(name, x, labels, args.guidance))
            cells.append(to_uint8(x.unflatten(0, (len(spec.categories), -1))[:, : args.count]))
        report = Report(rows)
        print(report.table(), end="")
        found = asdict(args) | {"rows": [asdict(r) for r in rows]}
        texts = {".txt": report.table(), ".md": report.markdown()}
        picture = labelled_grid(np.stack(cells, 1), spec.categories, [r.name for r in rows if r.guidance is not None])
        write_results(args.out, "palettes", found, texts, partial(save_picture, args.out / "palettes.png", picture))
        print(f"{args.out}: palettes.txt, .md, .json and .png")
        return 0
