"""Build the playground: a web page that runs a model in the browser, as files for any static host.

    python scripts/export_web.py shipped --out web/dist
    python scripts/export_web.py runs/mine --out pages/mine

A student in the folder of the model, or named by --student, comes along for quick drawing. How to look at the page, and
what it loads: docs/playground.md.
"""

import json
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_folder
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.console import progress
from ddpm.system.outputs import held, written_aside

if TYPE_CHECKING:
    import numpy as np

    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec

PAGE = Path(__file__).parents[3] / "web"
PACKAGES = PAGE / "node_modules"
RUNTIME_FILES = {  # what npm fetched, by its name in runtime/
    "ort.wasm.min.mjs": "onnxruntime-web/dist/ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs": "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm": "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "gifenc.esm.js": "gifenc/dist/gifenc.esm.js",
    "gifenc-LICENSE.md": "gifenc/LICENSE.md",
}
PAGE_FILES = ("index.html", "style.css", "src/**/*.js")
WORKER = "sw.js"  # the service worker, which keeps all files for later
MODEL_FILE, PICTURES = "model.json", "pictures.png"
PARTS = {"teacher", "student"}  # the networks that a page may have
SCALES = (0.0, 4.0)  # the guidance scales that the page offers of a teacher
PICTURE_SCALE, COLUMNS = 3.0, 24  # of the pictures of the tags
CHECKED = 4  # sprites a category by which a network and its file are compared


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along."""
    out: Path
    """The folder to write the page to."""
    student: Path | None = None
    """The student of the model; left out, that in student/ of its folder, if there is one."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the page that is in --out."""

    def check(self) -> None:
        """Refuse places that cannot work, before anything is computed."""
        if not (PAGE / "index.html").exists():
            raise ValueError(f"the page's own files are not in {PAGE}; run this in a folder of the project's sources")
        if missing := [path for path in RUNTIME_FILES.values() if not (PACKAGES / path).exists()]:
            raise ValueError(f"{missing[0]} is missing; run `npm install --omit=dev` in {PAGE} (or make play)")
        check_folder("--out", self.out)
        if self.out.is_dir() and any(self.out.iterdir()):
            if not ((self.out / MODEL_FILE).exists() and (self.out / WORKER).exists()):
                raise ValueError(f"--out {self.out} holds other files than an earlier page; name a new or empty folder")
            if not self.overwrite:
                raise ValueError(f"{self.out} holds a page already: add --overwrite to replace it, or choose another")


def described(network: "ModelSpec", file: str, data: bytes) -> dict[str, Any]:
    """What the page needs to know of a network: its file, and the way that its sampler goes."""
    import torch

    from ddpm.diffusion.samplers import SAMPLERS, tables
    from ddpm.sampling import Sampler

    student = network.student
    sampler = Sampler(network.build(), network)
    alpha, sigma = tables(sampler.timesteps, sampler.schedule, torch.zeros(1))
    way = {
        "timesteps": sampler.timesteps.tolist(),
        "alpha": alpha.flatten().tolist(),
        "sigma": sigma.flatten().tolist(),
        **getattr(SAMPLERS[sampler.sampling.sampler], "keywords", {}),
    }
    scales = student.scales if student else SCALES
    return {"file": file, "bytes": len(data), "guided": student is not None, "scales": scales, "way": way}


def about(name: str, spec: "ModelSpec") -> dict[str, Any]:
    """What the page needs to know of a model, whichever its networks."""
    from ddpm.data.pixel_art import COLOUR_PRICE, ORPHAN_PRICE

    style = spec.style
    return {
        "name": name,
        "size": spec.size,
        "channels": spec.channels,
        "vocabulary": spec.vocabulary,
        "palette": spec.palette,
        "style": {
            "most": style.colours if style else None,
            "orphans": style.orphans if style else 1.0,
            "colourPrice": COLOUR_PRICE,
            "orphanPrice": ORPHAN_PRICE,
        },
    }


def pictures(model: "ContextUNet", spec: "ModelSpec") -> "np.ndarray":
    """A sheet of sprites, each of one tag alone, in the order of a context: uint8 [H, W, 4]."""
    import numpy as np
    import torch

    from ddpm.context.condition import Condition
    from ddpm.data.tensors import to_uint8
    from ddpm.sampling import Sampler
    from sprites.writing.sheets import side_by_side

    tags = torch.eye(spec.places)
    with progress(total=len(tags), desc="pictures", unit="tag") as bar:
        sampler = Sampler(model, spec)
        x = sampler(Condition.of(tags), PICTURE_SCALE, range(len(tags)), batch=16, on_sprites=bar.update)
    sprites = to_uint8(x)
    tiles = np.full((*sprites.shape[:-1], 4), 255, np.uint8)
    tiles[..., : spec.channels] = sprites
    return side_by_side(tiles, COLUMNS)


def differing(model: "ContextUNet", spec: "ModelSpec", data: bytes) -> float:
    """The share of pixels that differ between sprites of a network and of its ONNX file, from the same noise."""
    from ddpm.data.tensors import to_uint8
    from ddpm.runs.onnx_files import onnx_denoiser
    from ddpm.sampling import Sampler

    ours, theirs = (Sampler(model, spec, Sampling(precision="fp32")) for _ in range(2))
    theirs.guide.strong = onnx_denoiser(data)
    a, b = (to_uint8(sampler.per_category(PICTURE_SCALE, CHECKED)[0]) for sampler in (ours, theirs))
    return float((a != b).any(-1).mean())


def write(path: Path, data: bytes) -> None:
    """Write a file aside, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        aside.write_bytes(data)


def networks(args: Arguments) -> "dict[str, tuple[ContextUNet, ModelSpec]]":
    """The networks of the page by their part. Raises ValueError for a student that is none, or not of this model."""
    import dataclasses

    from ddpm.runs.models import file_of, load_model

    model, spec = load_model(args.model)
    if spec.student:
        if args.student:
            raise ValueError(f"{args.model} is a student itself; leave out --student, or name its teacher")
        return {"student": (model, spec)}
    beside = file_of(args.model).parent / "student"
    if not args.student and not file_of(beside).exists():
        return {"teacher": (model, spec)}
    student, its = load_model(args.student or beside)
    if not its.student:
        raise ValueError(f"--student {args.student}: it is no student; leave it out, or make one by distill.py")
    if dataclasses.replace(its, student=None) != spec:
        other = f"{args.student or beside} is for {its.describe()}"
        raise ValueError(f"{other}, the model for {spec.describe()}, or they differ in palette, tags or noise")
    return {"teacher": (model, spec), "student": (student, its)}


def write_model(out: Path, name: str, found: "dict[str, tuple[ContextUNet, ModelSpec]]", made_from: str) -> None:
    """Write the networks, the pictures of the tags and what the page needs to know of them."""
    import io

    from PIL import Image

    from ddpm.runs.onnx_files import to_onnx

    model, spec = next(iter(found.values()))
    told_of = {}
    for part, (network, its) in found.items():
        data = to_onnx(network, its)
        share = differing(network, its, data)
        told_of[part] = described(its, f"{part}.onnx", data)
        write(out / f"{part}.onnx", data)
        print(f"{out / part}.onnx: {len(data) / 1e6:.1f} MB; {share:.2%} of the pixels differ from those of PyTorch")
    sheet = io.BytesIO()
    Image.fromarray(pictures(model, spec)).save(sheet, "PNG", optimize=True)
    write(out / PICTURES, sheet.getvalue())
    told = about(name, spec) | {"networks": told_of, "pictures": {"file": PICTURES, "columns": COLUMNS}}
    write(out / MODEL_FILE, json.dumps(told | {"madeFrom": made_from}).encode())
    for part in PARTS - told_of.keys():
        (out / f"{part}.onnx").unlink(missing_ok=True)  # of the model that was here before


def write_page(out: Path) -> None:
    """Write the page, its runtime and, last, the service worker, which knows all of the files and their hashes."""
    files = {path.relative_to(PAGE): path for pattern in PAGE_FILES for path in sorted(PAGE.glob(pattern))}
    files |= {Path("runtime", name): PACKAGES / path for name, path in RUNTIME_FILES.items()}
    for place, path in files.items():
        write(out / place, path.read_bytes())
    of_model = [PICTURES, MODEL_FILE, *sorted(path.name for path in out.glob("*.onnx") if path.stem in PARTS)]
    names = [place.as_posix() for place in files] + of_model
    hashes = {name: sha256((out / name).read_bytes()).hexdigest() for name in names}
    text = (PAGE / WORKER).read_text(encoding="utf-8")
    write(out / WORKER, text.replace('{ FILES: "" }', json.dumps(hashes)).encode())


def source_of(args: Arguments) -> str:
    """What the model's files in --out were made from, so that they are made anew only if it changes."""
    from ddpm.runs import onnx_files
    from ddpm.runs.models import file_of

    digest = blake2b(digest_size=16)
    beside = file_of(args.student or file_of(args.model).parent / "student")
    for path in (file_of(args.model), beside, Path(__file__), Path(onnx_files.__file__)):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.runs.models import file_of
    from ddpm.runs.onnx_files import check_packages

    check_packages()
    found = networks(args)
    with held(args.out):
        made_from, told = source_of(args), args.out / MODEL_FILE
        if not (told.exists() and json.loads(told.read_text(encoding="utf-8")).get("madeFrom") == made_from):
            write_model(args.out, file_of(args.model).resolve().parent.name, found, made_from)
        write_page(args.out)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB; look at it by: python -m http.server --directory {args.out}")
    return 0
