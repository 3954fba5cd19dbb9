"""Sample sprites from a trained model: a labelled grid, and if asked the sprites themselves.

    python scripts/sample.py runs/mine --guidance 0 1 2 4
    python scripts/sample.py runs/mine --categories hero hero=0.7,food=0.3 uncond --count 100 --npz sprites.npz
    python scripts/sample.py runs/mine --categories "hero + 0.4 food - side_facing" --form interval=0.5:20+apg

Rows are categories, mixtures or sums, columns guidance scales; the noise is the same in all of them.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ddpm.cli import exit_on_user_error, written_aside
from ddpm.flags import SamplingFlags, check_count, check_guidance, check_seed


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder or a .safetensors file."""
    guidance: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    """Guidance scales s of uncond + s * (cond - uncond), one column of the grid each."""
    categories: tuple[str, ...] = ()
    """One row each: a name, a mixture like hero=0.7,food=0.3 (one context, fed to the network as it is), a sum like
    "hero + 0.4 food - side_facing" (a scale for each), or uncond. Left out: all of the model's."""
    negative: str | None = None
    """A category or mixture to guide away from, instead of away from none."""
    count: int = 8
    """Sprites per row and scale."""
    sampling: Annotated[SamplingFlags, tyro.conf.arg(name="")] = field(default_factory=SamplingFlags)
    seed: int = 0
    out: Path = Path("grid.png")
    """The picture grid."""
    npz: Path | None = None
    """Also write arrays: sprites uint8 [N, H, W, C], labels int64 [N], guidance float32 [N].

    A mixture or sum has the label of its largest weight, uncond has -1."""
    png_folder: Path | None = None
    """Also write each sprite as a PNG file into this new or empty folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_guidance(self.guidance)
        check_seed(self.seed)
        twice = sorted({c for c in self.categories if self.categories.count(c) > 1})
        if twice:
            raise ValueError(f"--categories names {twice[0]} twice; a row of the grid is needed once")
        check_count("--count", self.count)
        for flag, path, suffix in (("--out", self.out, ".png"), ("--npz", self.npz, ".npz")):
            if path and path.suffix.lower() != suffix:
                raise ValueError(f"{flag} {path} must end in {suffix}")
            if path and path.is_dir():
                raise ValueError(f"{flag} {path} is a folder; name a file")
            if path and not path.absolute().parent.is_dir():
                raise ValueError(f"{flag} {path}: there is no folder {path.absolute().parent}")
        if (
            self.png_folder
            and self.png_folder.exists()
            and (not self.png_folder.is_dir() or any(self.png_folder.iterdir()))
        ):
            raise ValueError(f"--png-folder {self.png_folder} exists and is not an empty folder; choose another")


def save_npz(path: Path, arrays: dict) -> None:
    import numpy as np

    with written_aside(path) as aside, open(aside, "wb") as file:
        np.savez_compressed(file, **arrays)


@exit_on_user_error
def main() -> int:
    args = tyro.cli(Arguments, description=__doc__)
    args.check()
    from ddpm.distributed import is_main, join, main_first, own

    device = join(args.device)
    import torch
    from tqdm import tqdm

    from ddpm.checkpoint import load_model
    from ddpm.context import parse_composition, parse_context, stack_compositions
    from ddpm.data import to_uint8
    from ddpm.generate import check_conditions, generate_together
    from ddpm.grids import guidance_labels, labelled_grid
    from sprites.io import check_png_names, save_pngs

    with main_first():
        model, spec = load_model(args.model)
    model.to(device)
    rows = args.categories or spec.categories
    R, S, n = len(rows), len(args.guidance), args.count
    contexts, weights = stack_compositions([parse_composition(row, spec.categories) for row in rows])
    names = [f"{row}/s{s:g}_{i:04d}" for row in rows for s in args.guidance for i in range(n) if args.png_folder]
    check_png_names(names)
    negative = None if args.negative is None else parse_context(args.negative, spec.categories).expand(R * S * n, -1)
    check_conditions(spec, weights, negative)
    scale = torch.tensor(args.guidance).repeat_interleave(n).repeat(R)
    options = args.sampling.options(args.model, spec, device) | {"seed": args.seed, "negative": negative}
    options |= {"weights": weights.repeat_interleave(S * n, 0), "indices": list(range(n)) * (R * S)}
    shared = own(len(scale))
    with tqdm(total=shared.stop - shared.start, desc="sampling", unit="sprite", disable=not is_main()) as bar:
        options["on_sprites"] = bar.update
        x = generate_together(model, spec, contexts.repeat_interleave(S * n, 0), scale, **options)
    if not is_main():
        return 0
    sprites = to_uint8(x)
    cells = sprites.reshape(R, S, n, *sprites.shape[1:])
    with written_aside(args.out) as aside:
        labelled_grid(cells, rows, guidance_labels(args.guidance)).save(aside, format="png")
    how = f"{args.sampling.form}, {args.sampling.sampler}, {options['steps']} steps"
    print(f"{args.out}: {R} rows x {S} scales x {n} sprites, seed {args.seed}, {how}")
    if args.npz:
        wanted = (weights[..., None] * contexts).sum(1)
        labels = torch.where(wanted.amax(1) > 0, wanted.argmax(1), -1).repeat_interleave(S * n).numpy()
        save_npz(args.npz, {"sprites": sprites, "labels": labels, "guidance": scale.numpy()})
        print(f"{args.npz}: {len(sprites)} sprites {sprites.shape[1]}x{sprites.shape[2]}x{sprites.shape[3]}")
    if args.png_folder:
        with written_aside(args.png_folder) as aside:
            save_pngs(aside, sprites, names)
        print(f"{args.png_folder}: {len(names)} PNG files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
