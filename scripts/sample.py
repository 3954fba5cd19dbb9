"""Sample sprites from a trained model: a labelled grid, and if asked the sprites themselves.

    python scripts/sample.py runs/mine --guidance 0 1 2 4
    python scripts/sample.py runs/mine --categories hero hero=0.7,food=0.3 uncond --count 100 --npz sprites.npz

Rows are categories or mixtures, columns guidance scales; the noise is the same in all of them.
"""

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
    guidance: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    """Guidance scales s of uncond + s * (cond - uncond), one column of the grid each."""
    categories: tuple[str, ...] = ()
    """One row each: a name, a mixture like hero=0.7,food=0.3, or uncond. Left out: all of the model's."""
    count: int = 8
    """Sprites per row and scale."""
    sampler: Literal["dpmpp_2m", "ddim", "ddpm"] = "dpmpp_2m"
    steps: int = 20
    """Network evaluations per sprite, up to the timesteps the model was trained with."""
    seed: int = 0
    out: Path = Path("grid.png")
    """The picture grid."""
    npz: Path | None = None
    """Also write arrays: sprites uint8 [N, H, W, C], labels int64 [N], guidance float32 [N].

    A mixture has the label of its largest weight, uncond has -1."""
    png_folder: Path | None = None
    """Also write each sprite as a PNG file into this new or empty folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        for flag, values in (("--categories", self.categories), ("--guidance", [f"{s:g}" for s in self.guidance])):
            twice = sorted({v for v in values if list(values).count(v) > 1})
            if twice:
                raise ValueError(f"{flag} names {twice[0]} twice; a row or column of the grid is needed once")
        if self.count < 1:
            raise ValueError(f"--count must be at least 1, got {self.count}")
        if self.seed < 0:
            raise ValueError(f"--seed must not be negative, got {self.seed}")
        if not self.guidance or any(s - s != 0 for s in self.guidance):
            raise ValueError(f"--guidance needs one or more finite numbers, got {list(self.guidance)}")
        for flag, path, suffix in (("--out", self.out, ".png"), ("--npz", self.npz, ".npz")):
            if path and path.suffix.lower() != suffix:
                raise ValueError(f"{flag} {path} must end in {suffix}")
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
    import torch

    from ddpm.checkpoint import load_model
    from ddpm.context import parse_context
    from ddpm.data import to_uint8
    from ddpm.generate import generate
    from ddpm.grids import guidance_labels, labelled_grid
    from sprites.io import save_pngs

    model, spec = load_model(args.model)
    model.to(pick_device(args.device))
    rows = args.categories or spec.categories
    contexts = torch.stack([parse_context(row, spec.categories) for row in rows])
    R, S, n = len(rows), len(args.guidance), args.count
    context = contexts.repeat_interleave(S * n, 0)
    scale = torch.tensor(args.guidance).repeat_interleave(n).repeat(R)
    x = generate(
        model, spec, context, scale, seed=args.seed, indices=list(range(n)) * (R * S),
        sampler=args.sampler, steps=args.steps, progress=True,
    )  # fmt: skip
    sprites = to_uint8(x)
    cells = sprites.reshape(R, S, n, *sprites.shape[1:])
    with written_aside(args.out) as aside:
        labelled_grid(cells, rows, guidance_labels(args.guidance)).save(aside, format="png")
    print(f"{args.out}: {R} rows x {S} scales x {n} sprites, seed {args.seed}, {args.sampler}, {args.steps} steps")
    if args.npz:
        labels = torch.where(context.any(1), context.argmax(1), -1).numpy()
        save_npz(args.npz, {"sprites": sprites, "labels": labels, "guidance": scale.numpy()})
        print(f"{args.npz}: {len(sprites)} sprites {sprites.shape[1]}x{sprites.shape[2]}x{sprites.shape[3]}")
    if args.png_folder:
        names = [f"{row}/s{s:g}_{i:04d}" for row in rows for s in args.guidance for i in range(n)]
        save_pngs(args.png_folder, sprites, names)
        print(f"{args.png_folder}: {len(names)} PNG files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
