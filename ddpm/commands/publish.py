"""Make a trained model ready to be passed on: one folder of half the size, in half precision, with its settings.

    python scripts/publish.py runs/long --out ddpm/pretrained/shipped
    python scripts/publish.py runs/long/student --out ddpm/pretrained/shipped/student

It samples the same sprites with the weights as they were and in half precision, and tells how many pixels differ.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_file, check_folder
from ddpm.commands.shared.parsing import parse
from ddpm.system.outputs import held, write_texts
from sprites.files import plural

if TYPE_CHECKING:
    from ddpm.config import Config
    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder or a .safetensors file."""
    out: Path
    """The folder to write model.safetensors and config.toml to."""
    curves: Path | None = None
    """Also write a picture of the losses of the run, over its steps."""
    precision: Literal["fp16", "bf16"] = "fp16"
    """That of the weights in the file; they are computed with as any others."""
    guidance: float = 2.0
    """Guidance scale of the sprites that are compared."""
    count: int = 40
    """Sprites a category that are compared."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the model that is in --out."""

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_count("--count", self.count)
        check_folder("--out", self.out)
        check_file("--curves", self.curves, ".png")


def differing(models: list["ContextUNet"], spec: "ModelSpec", scale: float, count: int) -> float:
    """The share of pixels that differ between sprites of two networks from the same noise."""
    from ddpm.data.tensors import to_uint8
    from ddpm.sampling import Sampler

    a, b = (to_uint8(Sampler(model, spec).per_category(scale, count)[0]) for model in models)
    return float((a != b).any(-1).mean())


def without_folders(config: "Config") -> "Config":
    """The same, paths of this machine cut down to their names."""

    def name(path: Path) -> Path:
        return Path(path.name) if path.is_absolute() else path

    palette, start = str(name(Path(config.palette))), config.start and name(config.start)
    return replace(config, data=name(config.data), out=name(config.out), start=start, palette=palette)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import torch

    from ddpm.config import to_toml
    from ddpm.runs.folder import CONFIG_FILE, run_of, trained_with
    from ddpm.runs.models import MODEL_FILE, built, load_model, read_model
    from ddpm.runs.tensor_files import write_safetensors
    from ddpm.show.figures import training_curves
    from ddpm.show.grids import save_picture

    file = args.out / MODEL_FILE
    if file.exists() and not args.overwrite:
        raise ValueError(f"{file} is there already: add --overwrite to replace it, or choose another --out")
    tensors, about = read_model(args.model)
    model, spec = built(tensors, about)
    curves = training_curves(run_of(args.model)) if args.curves else None
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}[args.precision]
    with held(args.out):
        write_safetensors(file, {name: tensor.to(half) for name, tensor in tensors.items()}, about)
        if (run_of(args.model) / CONFIG_FILE).exists():
            write_texts(args.out, {CONFIG_FILE: to_toml(without_folders(trained_with(args.model)))})
    if args.curves and curves:
        save_picture(args.curves, curves)
    share = differing([model, load_model(file)[0]], spec, args.guidance, args.count)
    count = args.count * len(spec.categories)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB; {share:.3%} of the pixels of {plural(count, 'sprite')} differ")
    return 0
