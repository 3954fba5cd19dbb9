"""Compare this project with libraries of its kind, side by side on this machine's CPU.

    python scripts/bench.py --data FOLDER                      # all sections, within the hour on 2 cores
    python scripts/bench.py --quick                            # a few minutes
    python scripts/bench.py --sections throughput scaling --contestants ours baseline16
    python scripts/bench.py --data FOLDER --sections throughput sampling quality --minutes 8
    python scripts/bench.py --data FOLDER --sections throughput sampling --sizes 32

The sections: training throughput and guided sampling at each of the sizes, time to quality; scaling of our own
training, how it goes on a busy machine and from a disk, its levers and profile; set-up time; the models that come
along. make bench installs the libraries.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_guidance
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress
from ddpm.system.names import choices

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    from ddpm.commands.bench.contestants import Contestant
    from ddpm.commands.bench.tables import Table
    from ddpm.data.collection import SpriteData

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "configs"
QUICK_MINUTES = (0.5,)
QUICK_ON_DISK = 50_000

TABLES = ("OWN", "LIBRARIES")  # of contestants
if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(name for t in TABLES for name in choices("ddpm.commands.bench.contestants", t))]
Section = Literal[
    "throughput", "sampling", "quality", "scaling", "busy", "disk", "levers", "profile", "setup", "pretrained"
]
SIDE_BY_SIDE = ("throughput", "sampling", "quality", "setup")  # sections in which contestants take part


@dataclass(frozen=True)
class Arguments:
    data: Path = Path("sprites")
    """Folder of sprites to train on and to judge by, of a size for which there is a config."""
    sizes: tuple[int, ...] = (16, 32)
    """Sizes in pixels at which training and sampling are timed; the sprites are brought to each by the nearest
    pixel."""
    sections: tuple[Section, ...] = get_args(Section)
    contestants: tuple[Name, ...] = get_args(Name)
    minutes: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Of training, after which sprites are judged."""
    guidance: tuple[float, ...] = (1.25, 2.0)
    """Guidance scales above 1 of the judged sprites, the same for all; of several, the best is told."""
    per_category: int = 40
    """Sprites judged per category."""
    on_disk: int = 1_000_000
    """Sprites of the set that is read from the disk, of 1 KB each; written into the temporary folder."""
    out: Path = Path("runs/bench.md")
    """The tables as Markdown; the figures as JSON are put beside it."""
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Short blocks and few rounds, and quality only of our own model, after half a minute."""

    @property
    def stored(self) -> int:
        """Sprites of the set on the disk."""
        return min(self.on_disk, QUICK_ON_DISK) if self.quick else self.on_disk

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        check_guidance(self.guidance)
        for flag, values, low in (("--minutes", self.minutes, 0), ("--guidance", self.guidance, 1)):
            if not values or min(values) <= low:
                raise ValueError(f"{flag} needs numbers above {low}, got {list(values)}")
        if not self.sizes or min(self.sizes) < 8:
            raise ValueError(f"--sizes needs sizes of sprites, 16 say, got {list(self.sizes)}")
        if self.per_category < 2:
            raise ValueError(f"--per-category must be at least 2, got {self.per_category}")
        if self.on_disk < 1000:
            raise ValueError(f"--on-disk must be at least 1,000, got {self.on_disk}")
        if self.out.suffix not in (".md", ".json"):
            raise ValueError(f"--out {self.out} must end in .md or .json; both are written")


def sections(args: Arguments, data: "SpriteData") -> dict[str, list[Callable[[], "Table"]]]:
    """What each section measures: a function for each of its tables."""
    import torch

    from ddpm.commands.bench.contestants import config_of, enter, entrants
    from ddpm.commands.bench.sections import comparison, ours, pretrained
    from ddpm.commands.bench.sections.disk import on_disk
    from ddpm.commands.bench.sections.disk_files import SIZE
    from ddpm.commands.bench.time_to_quality import Panel, compete
    from ddpm.commands.bench.timing import FULL, QUICK
    from ddpm.config import DataConfig, load_config
    from ddpm.data.loading import load_data
    from ddpm.evaluation.judge import Judge

    effort, cpu, own = QUICK if args.quick else FULL, torch.device("cpu"), data.sprites.size
    names = {size: entrants(args.contestants, CONFIGS, size) for size in (own, *args.sizes)}
    sizes = [size for size in args.sizes if names[size]]

    @cache
    def makers(size: int) -> "dict[str, Callable[..., Contestant]]":
        sized = data if size == own else load_data(args.data, DataConfig(size=size, resize="nearest"))
        batch = effort.at(size).batch
        return {name: partial(enter, name, CONFIGS, sized, cpu, batch=batch) for name in names[size]}

    @cache
    def alone(size: int) -> dict[str, comparison.Fresh]:
        bar = progress(makers(size).items(), "memory and set-up", unit="contestant", leave=False)
        return {name: comparison.fresh(make) for name, make in bar}

    def untrained(size: int) -> "list[Contestant]":
        return [make() for make in makers(size).values()]

    def throughput(size: int) -> "Table":
        return comparison.throughput(untrained(size), alone(size), effort.at(size), size)

    def sampling(size: int) -> "Table":
        return comparison.sampling(untrained(size), args.guidance[0], effort.at(size), size)

    def quality() -> "Table":
        panel = Panel(Judge(data, cache=args.out.parent / "judges"), args.per_category, args.guidance)
        chosen = {name: make for name, make in makers(own).items() if name == "ours" or not args.quick}
        return comparison.quality(compete(chosen, QUICK_MINUTES if args.quick else args.minutes, panel), panel)

    path, category = config_of("ours", CONFIGS, own), data.sprites.categories[0]
    return {
        "throughput": [partial(throughput, size) for size in sizes],
        "sampling": [partial(sampling, size) for size in sizes],
        "quality": [quality],
        "scaling": [lambda: ours.scaling(ours.variants(load_config(path), args.data), effort)],
        "busy": [lambda: ours.busy(load_config(path), data, effort)],
        "disk": [lambda: on_disk(load_config(config_of("ours", CONFIGS, SIZE)), args.stored, effort)],
        "levers": [lambda: ours.levers(load_config(path), args.data, effort)],
        "profile": [lambda: ours.profile(enter("ours", CONFIGS, data, cpu))],
        "setup": [lambda: comparison.setup(ROOT, path, args.data, category, alone(own))],
        "pretrained": [lambda: pretrained.pretrained(ROOT / "scripts", effort)],
    }


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import torch

    from ddpm.commands.bench.contestants import check_installed
    from ddpm.commands.bench.sections.disk_files import check_room
    from ddpm.commands.bench.tables import machine, write_results
    from ddpm.config import DataConfig
    from ddpm.data.loading import load_data

    if set(SIDE_BY_SIDE) & set(args.sections):
        check_installed(args.contestants)
    if "disk" in args.sections:
        check_room(args.stored)
    data = load_data(args.data, DataConfig())
    about = machine(torch.device("cpu")) | {"data": f"{args.data.name}: {data.describe()}"}
    measures, tables, start = sections(args, data), [], time.monotonic()
    for measure in chain.from_iterable(measures[name] for name in args.sections):
        tables.append(measure())
        about["minutes"] = f"{(time.monotonic() - start) / 60:.1f}"
        print(f"{tables[-1].markdown()}\nAfter {about['minutes']} minutes.\n", flush=True)
        write_results(tables, about, args.out)  # after each, for those that do not wait for the last
    print(f"{args.out.with_suffix('.md')} and .json, in {about['minutes']} minutes")
    return 0
