"""Build the playground: a web page that runs a model in the browser, as files for any static host.

    python scripts/export_web.py shipped --out web/dist
    python scripts/export_web.py runs/mine --out pages/mine

A student in the folder of the model, or named by --student, comes along for quick drawing, and a model of clips for
walks. How to look at the page, and what it loads: docs/playground.md.
"""

import json
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_folder
from ddpm.commands.shared.parsing import parse
from ddpm.system.outputs import held, write_together

if TYPE_CHECKING:
    from ddpm.runs.models import Model
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
MODEL_FILE = "model.json"
WALKS = Path("walks")  # the model of clips that comes along


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along."""
    out: Path
    """The folder to write the page to."""
    student: Path | None = None
    """The student of the model; left out, that in student/ of its folder, if there is one."""
    walks: Path | None = None
    """A model of clips, by which the chosen sprite walks; left out, the model itself if it is one, or the one that
    comes along if it draws such sprites."""
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


def networks(args: Arguments) -> "dict[str, Model]":
    """The networks of the page by their part. Raises ValueError for a student that is none, or not of this model."""
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
    if replace(its, student=None, style=spec.style) != spec.of_stills():
        other = f"{args.student or beside} is for {its.describe()}"
        raise ValueError(f"{other}, the model for {spec.describe()}, or they differ in palette, tags or noise")
    return {"teacher": (model, spec), "student": (student, its)}


def walking(args: Arguments, drawing: "Model") -> "Model | None":
    """The network of walks for a page of a network that draws. Raises ValueError if the one that was named does not
    fit."""
    from ddpm.runs.models import load_model

    def like(other: "ModelSpec") -> tuple[Any, ...]:
        return other.size, other.channels, other.vocabulary, other.palette

    _, spec = drawing
    model, its = drawing if spec.model.frames > 1 and not args.walks else load_model(args.walks or WALKS)
    if its.model.frames > 1 and like(its) == like(spec):
        return model, its
    if args.walks is None:
        return None
    if its.model.frames == 1:
        raise ValueError(f"--walks {args.walks}: it was trained on stills alone; train one with configs/walks.toml")
    other = f"--walks {args.walks} is for {its.describe()}"
    raise ValueError(f"{other}, the model for {spec.describe()}, or they differ in palette or tags")


def told_of(out: Path) -> dict[str, Any]:
    """What `model.json` of a page tells; nothing without one."""
    path = out / MODEL_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_model(args: Arguments, found: "dict[str, Model]", made_from: str) -> None:
    """Write the files of the model in place of those of the one that was here before."""
    from ddpm.commands.files.web_model import model_files
    from ddpm.runs.models import file_of

    name, drawing = file_of(args.model).resolve().parent.name, next(iter(found.values()))
    files, known = model_files(name, found, walking(args, drawing))
    known |= {"files": [*files, MODEL_FILE], "madeFrom": made_from}
    files[MODEL_FILE] = json.dumps(known).encode()
    before = told_of(args.out).get("files", [])
    write_together(args.out, files)
    for gone in set(before) - set(files):
        (args.out / Path(gone).name).unlink(missing_ok=True)


def write_page(out: Path) -> None:
    """Write the page, its runtime and, last, the service worker, which knows all of the files and their hashes."""
    files = {path.relative_to(PAGE): path for pattern in PAGE_FILES for path in sorted(PAGE.glob(pattern))}
    files |= {Path("runtime", name): PACKAGES / path for name, path in RUNTIME_FILES.items()}
    write_together(out, {place.as_posix(): path.read_bytes() for place, path in files.items()})
    names = [*(place.as_posix() for place in files), *told_of(out)["files"]]
    hashes = {name: sha256((out / name).read_bytes()).hexdigest() for name in names}
    text = (PAGE / WORKER).read_text(encoding="utf-8")
    write_together(out, {WORKER: text.replace('{ FILES: "" }', json.dumps(hashes)).encode()})


def source_of(args: Arguments) -> str:
    """What the model's files in --out were made from, so that they are made anew only if it changes."""
    from ddpm.commands.files import web_model
    from ddpm.runs import onnx_files, onnx_frames
    from ddpm.runs.models import file_of

    digest = blake2b(digest_size=16)
    beside = file_of(args.student or file_of(args.model).parent / "student")
    sources = [Path(str(module.__file__)) for module in (web_model, onnx_files, onnx_frames)]
    for path in (file_of(args.model), beside, file_of(args.walks or WALKS), Path(__file__), *sources):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.runs.onnx_files import check_packages

    check_packages()
    found = networks(args)
    with held(args.out):
        made_from = source_of(args)
        if told_of(args.out).get("madeFrom") != made_from:
            write_model(args, found, made_from)
        write_page(args.out)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB; look at it by: python -m http.server --directory {args.out}")
    return 0
