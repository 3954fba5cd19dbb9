"""Sample sprites from a trained model: a labelled grid, and if asked the sprites themselves.

    python scripts/sample.py runs/mine --guidance 0 1 2 4
    python scripts/sample.py runs/mine --categories hero hero=0.7,food=0.3 uncond --count 100 --npz sprites.npz
    python scripts/sample.py runs/mine --categories "hero + 0.4 food - side_facing" --form interval+apg
    python scripts/sample.py runs/tags --tags "kind=knight colour=red" --guidance colour=3 kind=1.5 --not colour=blue

Rows are categories, mixtures, sums or tags, columns guidance scales; the noise is the same in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.exports import Exporting, check_exports, save_sampled
from ddpm.commands.shared.flags import (
    check_count,
    check_file,
    check_new_folder,
    parse_guidance,
    ready,
)
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling, StudentConfig
from ddpm.system.console import progress, warn
from ddpm.system.devices import DeviceName
from ddpm.system.processes import interruptible
from sprites.files import plural

if TYPE_CHECKING:
    import numpy as np

    from ddpm.context.condition import Condition
    from ddpm.sampling import Sampler

Cells = tuple["np.ndarray", "np.ndarray"]  # pixels uint8 [R, S, N, H, W, C]; which are done, bool [R, S, N]


@dataclass(frozen=True)
class Arguments(Exporting):
    model: tyro.conf.Positional[Path] = Path("shipped")
    """A run folder, a .safetensors file, or the name of a model that comes along: shipped, which is taken if it is left
    out, shipped/student or walks."""
    guidance: tuple[str, ...] = ("0", "1", "2", "4")
    """Guidance scales s of uncond + s * (cond - uncond), one column of the grid each; or a scale for each facet of the
    tags, as in colour=3 kind=1.5, which join in this order."""
    categories: tuple[str, ...] = ()
    """One row each: a name, a mixture like hero=0.7,food=0.3 (one context, fed to the network as it is), a sum like
    "hero + 0.4 food - side_facing" (a scale for each), or uncond. Left out: all of the model's. In a mixture or sum, a
    name that holds such signs stands in single quotes: "'a,b'=0.7,food=0.3"."""
    tags: tuple[str, ...] = ()
    """Of a model trained with --tags, one row each: "kind=knight colour=red"; what is not named is left open."""
    list_tags: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Only tell all the tags that the model knows."""
    negative: Annotated[str | None, tyro.conf.arg(aliases=("--not",))] = None
    """A category, mixture or tags to guide away from, instead of away from none."""
    count: int = 8
    """Sprites per row and scale."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    weak: Path | None = None
    """The worse network that the form auto guides away from; left out, early.safetensors of the run folder."""
    out: Path = Path("grid.png")
    """The picture grid."""
    npz: Path | None = None
    """Also write arrays: sprites uint8 [N, H, W, C], labels int64 [N], guidance float32 [N].
    A mixture or sum has the label of its largest weight; uncond, and tags without a category, have -1. Of a model of
    tags also tags [N], as --tags takes them: all that were asked for or drawn, where that is one context."""
    png_folder: Path | None = None
    """Also write each sprite as a PNG file into this new or empty folder."""
    export: tyro.conf.UseAppendAction[tuple[tuple[Path, ...], ...]] = ()
    """Also write files that engines and art programs open, each in the format of its suffix, as export.py does:
    --export walk.gif hero.aseprite. Each row of the grid is a frame tag."""
    indexed: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Write these PNG files with their palette (PLTE and tRNS), one index a pixel."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace --npz, --export and a picture at --out that this project did not make, if they are there."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        parse_guidance(self.guidance)
        for flag, rows in (("--categories", self.categories), ("--tags", self.tags)):
            if twice := sorted({row for row in rows if rows.count(row) > 1}):
                raise ValueError(f"{flag} names {twice[0]} twice; a row of the grid is needed once")
        check_count("--count", self.count)
        if self.list_tags:
            return
        check_file("--out", self.out, ".png")
        check_file("--npz", self.npz, ".npz")
        check_new_folder("--png-folder", self.png_folder)
        check_exports("--export", self.exports, (self.out, self.npz, self.png_folder), self.overwrite)
        if self.indexed and not self.png_folder:
            raise ValueError("--indexed is how the files of --png-folder are written; name that folder too")


def sample(sampler: "Sampler", condition: "Condition", scales: Sequence[float], count: int, caught: list[int]) -> Cells:
    """The cells of the grid, with a progress bar, until all are done or a signal is caught."""
    from ddpm.system.distributed import is_main, own

    share = own(len(condition) * len(scales) * count)
    with progress(total=share.stop - share.start, desc="sampling", unit="sprite", disable=not is_main()) as bar:
        watched = {"stop": lambda: max(caught, default=0), "on_sprites": bar.update}
        return sampler.cells(condition, scales, count, **watched)


def check_range(student: StudentConfig, scales: Sequence[float]) -> None:
    """Warn of scales that a student has not learnt."""
    low, high = student.scales
    if beyond := [f"{s:g}" for s in scales if not low <= s <= high]:
        warn(f"the student has learnt guidance scales from {low:g} to {high:g}; at {', '.join(beyond)} it only guesses")


def save(args: Arguments, sampler: "Sampler", condition: "Condition", rows: Sequence[str], cells: Cells) -> None:
    """Write the picture, and if asked arrays and files; tell of each."""
    from ddpm.commands.shared.requests import labels_of
    from ddpm.diffusion.guidance import guidance_labels
    from ddpm.show.sampled import Sampled

    scales, by_facet = parse_guidance(args.guidance)
    columns = [" ".join(args.guidance)] if by_facet else guidance_labels(scales)
    about: dict[str, object] = {"model": args.model, "guidance": " ".join(args.guidance)}
    about |= {"not": args.negative or "nothing"}
    names = ("form", "sampler", "steps", "grid", "palette", "colours", "complete", "seed")
    about |= {name: value for name in names if (value := getattr(sampler.sampling, name)) is not None}
    palette = sampler.pixel_art.indices if args.indexed else None
    labels = labels_of(sampler.spec, condition).numpy()
    told = args.npz and sampler.spec.facets
    tags = all_tags(sampler, condition, scales, args.count) if told else None
    sampled = Sampled(*cells, rows, columns, labels, scales, about, palette, tags=tags)
    save_sampled(args, sampled, sampled, sampler.pixel_art.palette)


def all_tags(sampler: "Sampler", condition: "Condition", scales: Sequence[float], count: int) -> "np.ndarray":
    """All that each of `count` sprites a row was told to show, str [R, S, count]; nothing of sums and mixtures, and
    where the scale leads to nothing, or away."""
    import numpy as np
    import torch

    from ddpm.context.completion import fullest
    from ddpm.context.tags import spelled

    found = []
    for row in (condition[i : i + 1] for i in range(len(condition))):
        indices, seed = range(count), sampler.sampling.seed
        wholes, nested = fullest(sampler.completion.of(row.repeated(count), torch.ones(count), seed, indices))
        plain = nested & (wholes.frac() == 0).all(1)
        told = [spelled(wholes[i], sampler.spec.vocabulary) if plain[i] else "" for i in indices]
        found.append([told if s > 0 else [""] * count for s in scales])
    return np.array(found)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.system.distributed import highest, is_main, join, local_world, main_first

    device = join(args.device)
    from ddpm.commands.shared.requests import asked, check_form, describe, named
    from ddpm.runs.models import load_model
    from ddpm.show.sampled import check_memory, check_places, png_names, scale_stems

    with main_first():
        model, spec = load_model(args.model)
        if not args.list_tags:
            check_places(args.model, args.out, args.npz, args.png_folder, args.overwrite, args.exports)
    if args.list_tags:
        print(describe(spec))
        return 0
    model.to(device)
    scales, by_facet = parse_guidance(args.guidance)
    check_form(args.sampling.form, by_facet)
    rows, condition = asked(spec, args.categories, args.tags, by_facet)
    N = len(rows) * len(scales) * args.count
    with main_first():
        check_memory(spec, N, local_world(), bool(args.png_folder or args.exports))
    if args.png_folder or args.exports:
        png_names(rows, scale_stems(scales), args.count)
    condition = condition.away_from(None if args.negative is None else named(spec, args.negative))
    sampler = ready(args.sampling, args.weak, args.model, model, spec)
    sampler.guide.check(condition)
    if spec.student:
        check_range(spec.student, scales)
    if args.indexed and sampler.pixel_art.is_raw:
        raise ValueError("--indexed needs few colours, and these may have any number: add --palette or --colours")
    with interruptible("stopping after this batch; once more to leave at once" if is_main() else "") as caught:
        pixels, done = sample(sampler, condition, scales, args.count, caught)
        code = 0 if done.all() else 128 + highest(max(caught, default=0))
        if is_main() and code:
            print(f"stopped after {done.sum()} of {plural(N, 'sprite')}")
        if is_main():
            save(args, sampler, condition, rows, (pixels, done))
    return code
