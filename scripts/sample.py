"""Sample sprites from a trained model: a labelled grid, and if asked the sprites themselves.

    python scripts/sample.py runs/mine --guidance 0 1 2 4
    python scripts/sample.py runs/mine --categories hero hero=0.7,food=0.3 uncond --count 100 --npz sprites.npz
    python scripts/sample.py runs/mine --categories "hero + 0.4 food - side_facing" --form interval=0.5:20+apg
    python scripts/sample.py runs/tags --tags "kind=knight colour=red" --guidance colour=3 kind=1.5 --not colour=blue

Rows are categories, mixtures, sums or tags, columns guidance scales; the noise is the same in all of them.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ddpm.cli import exit_on_user_error, progress
from ddpm.command_line import parse
from ddpm.flags import SamplingFlags, check_count, check_file, check_new_folder, check_seed, parse_guidance
from ddpm.outputs import written_aside


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder or a .safetensors file."""
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
    sampling: Annotated[SamplingFlags, tyro.conf.arg(name="")] = field(default_factory=SamplingFlags)
    seed: int = 0
    out: Path = Path("grid.png")
    """The picture grid."""
    npz: Path | None = None
    """Also write arrays: sprites uint8 [N, H, W, C], labels int64 [N], guidance float32 [N].
    A mixture or sum has the label of its largest weight; uncond, and tags without a category, have -1."""
    png_folder: Path | None = None
    """Also write each sprite as a PNG file into this new or empty folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        parse_guidance(self.guidance)
        check_seed(self.seed)
        for flag, rows in (("--categories", self.categories), ("--tags", self.tags)):
            if twice := sorted({row for row in rows if rows.count(row) > 1}):
                raise ValueError(f"{flag} names {twice[0]} twice; a row of the grid is needed once")
        check_count("--count", self.count)
        check_file("--out", self.out, ".png")
        check_file("--npz", self.npz, ".npz")
        check_new_folder("--png-folder", self.png_folder)


def save_npz(path: Path, arrays: dict) -> None:
    import numpy as np

    with written_aside(path) as aside, open(aside, "wb") as file:
        np.savez_compressed(file, **arrays)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.distributed import is_main, join, main_first, own

    device = join(args.device)
    import numpy as np

    from ddpm.asked import asked, check_form, describe, labels_of, named
    from ddpm.checkpoint import load_model
    from ddpm.data import to_uint8
    from ddpm.generate import check_conditions, generate_grid, generate_together
    from ddpm.grids import guidance_labels, labelled_grid
    from sprites.io import check_png_names, save_pngs

    with main_first():
        model, spec = load_model(args.model)
    if args.list_tags:
        print(describe(spec))
        return 0
    model.to(device)
    scales, by_facet = parse_guidance(args.guidance)
    check_form(args.sampling.form, by_facet)
    rows, contexts, weights = asked(spec, args.categories, args.tags, by_facet)
    R, S, n = len(rows), len(scales), args.count
    names = [f"{row}/s{s:g}_{i:04d}" for row in rows for s in scales for i in range(n) if args.png_folder]
    check_png_names(names)
    negative = None if args.negative is None else named(spec, args.negative).expand(R * S * n, -1)
    check_conditions(spec, weights, negative)
    options = args.sampling.options(args.model, spec, device) | {"seed": args.seed, "negative": negative}
    shared = own(R * S * n)
    with progress(total=shared.stop - shared.start, desc="sampling", unit="sprite", disable=not is_main()) as bar:
        options["on_sprites"] = bar.update
        how = options | {"weights": weights, "draw": generate_together}
        cells = to_uint8(generate_grid(model, spec, contexts, scales, n, **how))
    if not is_main():
        return 0
    sprites = cells.reshape(-1, *cells.shape[3:])
    columns = [" ".join(args.guidance)] if by_facet else guidance_labels(scales)
    with written_aside(args.out) as aside:
        labelled_grid(cells, rows, columns).save(aside, format="png")
    how = f"{args.sampling.form}, {args.sampling.sampler}, {options['steps']} steps"
    print(f"{args.out}: {R} rows x {S} scales x {n} sprites, seed {args.seed}, {how}")
    if args.npz:
        labels = labels_of(spec, contexts, weights).repeat_interleave(S * n).numpy()
        save_npz(args.npz, {"sprites": sprites, "labels": labels, "guidance": np.tile(np.float32(scales).repeat(n), R)})
        print(f"{args.npz}: {len(sprites)} sprites {sprites.shape[1]}x{sprites.shape[2]}x{sprites.shape[3]}")
    if args.png_folder:
        with written_aside(args.png_folder) as aside:
            save_pngs(aside, sprites, names)
        print(f"{args.png_folder}: {len(names)} PNG files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
