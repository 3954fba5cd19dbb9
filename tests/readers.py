"""Every reader of what anyone may have made, as a function of bytes: test_hostile.py and fuzz.py try them.

A reader gives a value or raises ValueError, and `attempt` holds it to what a user is then shown.
"""

import contextlib
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import aseprites as ase
import numpy as np
import safetensors.torch
import torch
from conftest import ROOT, command_module, tiny_sprites, write_npy
from PIL import Image

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.requests import parse_composition, parse_context
from ddpm.config import Config, DataConfig, DiffusionConfig, ModelConfig, Sampling, load_config, to_toml
from ddpm.context.condition import Condition
from ddpm.data.loading import load_data
from ddpm.diffusion.forms import parse_form
from ddpm.runs import checkpoints
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import checksum, write_safetensors
from ddpm.sampling import Sampler
from ddpm.system.settings import to_dict
from sprites.export.source import load_album
from sprites.loading import load_sprites
from sprites.prepare.aseprite.file import read_aseprite
from sprites.prepare.collection import collect
from sprites.prepare.containers import cells, members
from sprites.prepare.names import Naming, compiled, read_table
from sprites.prepare.report import report
from sprites.prepare.settings import Settings
from sprites.prepare.tiles import Grid, parse_tile
from sprites.tags import load_tags
from sprites.writing.png import save_pngs

NAMES = ("square", "bar")
SPEC = ModelSpec(8, 4, NAMES, ModelConfig((8,), 1, ()), DiffusionConfig(timesteps=20))

# What breaks readers more often than bytes of chance do.
TOKENS = [
    *(b"9" * 5000, b"-1", b"0", b"nan", b"1e400", b"true", b"null", b"[" * 2000, b"{a=" * 500, b"a." * 300, b'"' * 9),
    *(
        b"..",
        b"/",
        b"\\",
        b"\0",
        b"\n",
        b"\r",
        b"\x1b]0;x\x07",
        b"\xff",
        b"\xe2\x80\xae",
        b"\xf0\x9f\x8d\x8e",
        b" " * 999,
    ),
    *(struct.pack(kind, number) for kind in ("<H", "<I", ">I", "<Q") for number in (0, 1, 2**15, 2**16 - 1)),
    *(struct.pack(kind, 2**bits - 1) for kind, bits in (("<I", 31), (">I", 31), (">I", 32), ("<Q", 40), ("<Q", 63))),
]


@dataclass(frozen=True)
class Reader:
    seeds: list[bytes]  # valid inputs
    read: Callable[[bytes], object]


def attempt(reader: Reader, data: bytes, folder: Path) -> str | None:
    """None if the reader takes the data, else the line that a user is shown. Anything else that happens is raised."""

    def main() -> int:
        reader.read(data)
        return 0

    before = contents(folder)
    said, printed = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        code = exit_on_user_error(main)()
    assert contents(folder) == before, "something was written, or removed"
    lines = said.getvalue().splitlines()
    if code != 2:
        return None
    assert len(lines) == 1 and lines[0].isprintable() and lines[0].removeprefix("error: ").strip(), lines
    return lines[0]


def contents(folder: Path) -> set[str]:
    """Paths of all that lies in a folder."""
    return {os.path.join(root, name) for root, folders, files in os.walk(folder) for name in (*folders, *files)}


# --- data ---------------------------------------------------------------------------------------------------


def saved(array: np.ndarray, **how) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **how)
    return out.getvalue()


def npy(folder: Path, name: str, arrays: list[np.ndarray]) -> Reader:
    """One of the two arrays of a pair."""
    write_npy(folder / "data", *tiny_sprites(6, 8, 4))

    def read(data: bytes) -> object:
        (folder / "data" / name).write_bytes(data)
        return load_sprites(folder / "data", size=8, resize="box")

    versions = ((1, 0), (2, 0), (3, 0))
    return Reader([saved(array, version=v) for array, v in zip(arrays, versions * 9, strict=False)], read)


def npy_images(folder: Path) -> Reader:
    images = tiny_sprites(6, 8, 4)[0]
    return npy(folder, "sprites.npy", [images, images[..., :3], np.asfortranarray(images), images[:, :4], images / 255])


def npy_labels(folder: Path) -> Reader:
    labels = np.arange(6) % 2
    return npy(folder, "labels.npy", [labels, np.eye(2)[labels], labels.astype(">u2"), np.eye(2, dtype="?")[labels]])


def npy_clips(folder: Path) -> Reader:
    clips = np.array([0, 0, 1, 2, 2, 3])
    data = write_npy(folder / "data", tiny_sprites(6, 8, 4)[0], np.arange(6) // 3)
    (data / "clips.npy").touch()

    def read(content: bytes) -> object:
        (data / "clips.npy").write_bytes(content)
        return load_sprites(data, clips=True)

    return Reader([saved(clips), saved(clips[::-1].astype("u1")), saved(clips / 2), saved(clips[:, None])], read)


def pictures() -> list[bytes]:
    """Small images in every format and most modes."""
    image = Image.fromarray(tiny_sprites(1, 16, 4)[0][0])
    found = []
    for kind, modes in {
        "PNG": "RGBA RGB LA L P 1 I;16",
        "GIF": "P L",
        "BMP": "RGB P 1 RGBA",
        "WEBP": "RGBA RGB",
    }.items():
        for mode in modes.split():
            out = io.BytesIO()
            turned = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
            more = {"save_all": True, "append_images": [turned.rotate(90)]} if kind in ("GIF", "WEBP") else {}
            turned.save(out, kind, **more)
            found.append(out.getvalue())
    return found


def image(folder: Path) -> Reader:
    """An image of a category; its format is told by its bytes."""
    path = folder / "data" / "x" / "a.png"
    path.parent.mkdir(parents=True)
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_sprites(folder / "data", size=8, resize="box")

    return Reader(pictures(), read)


def png_mended(folder: Path) -> Reader:
    """The same, with the checksums of PNG chunks put right: a flipped bit is refused for nothing else."""
    reader = image(folder)
    return Reader(pictures()[:7], lambda data: reader.read(mended(data)))


def mended(data: bytes) -> bytes:
    """PNG data with a CRC that fits after each chunk."""
    out, at = bytearray(data[:8]), 8
    while at + 8 <= len(data):
        end = at + 8 + min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 8)
        out += data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)


def categories(folder: Path, seeds: list[bytes], **how: object) -> Reader:
    """One file among the images of a folder per category, all of which are looked at."""
    tiles = tiny_sprites(6, 16, 4)[0]
    save_pngs(folder / "data", tiles, [f"{NAMES[i % 2]}/{i}" for i in range(6)])
    path = folder / "data" / "bar" / "any.png"
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_data(folder / "data", DataConfig(**how)).notes

    return Reader(seeds, read)


def encoded(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def sheet_guess(folder: Path) -> Reader:
    """An image of another size than the others: a sheet, a strip, an enlarged sprite; as PNG with CRCs that fit."""
    tiles = tiny_sprites(16, 16, 4)[0]
    shapes = [
        tiles[5],
        tiles.reshape(4, 4, 16, 16, 4).swapaxes(1, 2).reshape(64, 64, 4),
        np.concatenate(list(tiles[:4]), 1),
    ]
    shapes += [tiles[0].repeat(4, 0).repeat(4, 1), shapes[1][..., :3], shapes[1][:40, :56]]
    reader = categories(folder, [encoded(Image.fromarray(np.ascontiguousarray(shape))) for shape in shapes])
    return Reader(reader.seeds, lambda data: reader.read(mended(data)))


def sheet_resized(folder: Path) -> Reader:
    """The same, made a sprite all the same."""
    seeds = sheet_guess(folder).seeds
    reader = categories(folder, seeds, resize="nearest")
    return Reader(seeds, lambda data: reader.read(mended(data)))


def animation(folder: Path) -> Reader:
    first, *more = map(Image.fromarray, tiny_sprites(3, 16, 4)[0])
    how = {"save_all": True, "append_images": more, "duration": 50}
    return categories(folder, [encoded(first, kind, **how) for kind in ("GIF", "PNG", "WEBP")], resize="nearest")


def animated_clip(folder: Path) -> Reader:
    reader, data = animation(folder), folder / "data"

    def read(content: bytes) -> object:
        (data / "bar" / "any.png").write_bytes(content)
        return load_sprites(data, resize="nearest", clips=True)

    return Reader(reader.seeds, read)


def grey_16_bit(folder: Path) -> Reader:
    grey = tiny_sprites(2, 16, 3)[0][..., 0].astype(np.uint16)
    images = [Image.fromarray(x) for x in (grey[0], grey[1] << 8, grey[1] * 0)]
    reader = categories(folder, [encoded(images[0], transparency=255), *map(encoded, images)], resize="nearest")
    return Reader(reader.seeds, lambda data: reader.read(mended(data)))


def file_names(folder: Path) -> Reader:
    """Names of empty files, a line each, beside and among the images of a category."""
    categories(folder, [])
    (folder / "data" / "bar" / "any.png").unlink()

    def read(data: bytes) -> object:
        made = []
        try:
            for number, name in enumerate(os.fsdecode(data).split("\n")[:20]):
                path = folder / "data" / ("", "bar")[number % 2] / Path(name.replace("\0", "")).name
                with contextlib.suppress(OSError):  # no name that a file could have
                    path.touch(exist_ok=False)
                    made.append(path)
            return load_data(folder / "data").notes
        finally:
            for path in made:
                path.unlink()

    return Reader([b"a.jpg\nb.JPEG\nc.aseprite", b".x\nx.tb\nconfig.toml\ny.svg", b"a.txt\na.png", b"a\nb.apng"], read)


def a_set(folder: Path) -> Path:
    """A sprite set of two sheets."""
    (folder / "data").mkdir()
    (folder / "data" / "sprites.toml").write_text('tile = 8\ncategories = ["square", "bar"]\n')
    for name, sprite in zip(NAMES, tiny_sprites(2, 8, 4)[0], strict=True):
        Image.fromarray(sprite).save(folder / "data" / f"{name}.png")
    return folder / "data"


def sheet(folder: Path) -> Reader:
    data = a_set(folder)

    def read(content: bytes) -> object:
        (data / "bar.png").write_bytes(content)
        return load_sprites(data)

    return Reader(pictures(), read)


def sprites_toml(folder: Path) -> Reader:
    path = a_set(folder) / "sprites.toml"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_sprites(path.parent, size=8, resize="nearest")

    more = b'# two\ntile = 0x4\nother.key = {a = [1.5, nan], b = 1979-05-27}\ncategories = ["bar"]\n[[x]]\ny = """"""\n'
    return Reader([path.read_bytes(), more], read)


def cycles(folder: Path) -> Reader:
    path = a_set(folder) / "sprites.toml"
    lines = path.read_text()

    def read(data: bytes) -> object:
        path.write_bytes(lines.encode() + data)
        return load_sprites(path.parent, clips=True)

    lists = [b"cycles = { square = [1] }", b"cycles = { bar = [2, 9, 1] }"]
    return Reader([*lists, b"cycles.bar = 2", b"[cycles]\nbar = 1e9"], read)


def categories_json(folder: Path) -> Reader:
    path = write_npy(folder / "data", *tiny_sprites(6, 8, 4)) / "categories.json"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_sprites(path.parent)

    return Reader([b'["square", "bar"]', b'["\\u00e9\\ud83c\\udf4e", "b"]', b'{"a": [1e9, -0.5, null, true]}'], read)


def tags_csv(folder: Path) -> Reader:
    path = a_set(folder) / "tags.csv"
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_tags(path.parent)

    return Reader([b'category,index,kind\nbar,0,x\nsquare,1,"y, z"\nsquare,0,\n', b"category,index\r\nbar,0\r\n"], read)


def sampled_npz(folder: Path) -> Reader:
    """Arrays of sample.py, to be exported."""
    path = folder / "a.npz"
    path.touch()
    sprites, labels = tiny_sprites(4, 8, 4)
    arrays = {"sprites": sprites, "labels": labels, "guidance": np.ones(4, np.float32)}

    def npz(**more: np.ndarray) -> bytes:
        np.savez(file := io.BytesIO(), **arrays, **more)
        return file.getvalue()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_album(path)

    return Reader([npz(), npz(row=labels, rows=np.array(NAMES))], read)


def config_toml(folder: Path) -> Reader:
    path = folder / "config.toml"
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_config(path)

    return Reader(
        [to_toml(Config()).encode(), *(p.read_bytes() for p in sorted((ROOT / "configs").glob("*.toml")))], read
    )


# --- what prepare.py reads ------------------------------------------------------------------------------------


def prepared(folder: Path, name: str, seeds: list[bytes], **how: object) -> Reader:
    """A file that is made a sprite set of, named by the user or in a folder, where what is broken is left out."""
    path = folder / "art" / name
    save_pngs(path.parent, tiny_sprites(3, 16, 4)[0], ["x", "y", "z"])
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        settings = Settings(Naming(), **how)  # type: ignore[arg-type]
        assert list(report(collect([path.parent], settings)))
        found = collect([path], settings)
        assert found.images.dtype == np.uint8 and len(found.images) == len(found.labels) == len(found.facets)
        return found

    return Reader(seeds, read)


def aseprite_seeds() -> list[bytes]:
    """A file of each depth, with layers, links, tags, slices and tiles."""
    rgba, grey, index = (np.arange(16 * 16 * n, dtype=np.uint8).reshape(16, 16, n) for n in (4, 2, 1))
    about = [
        ase.layer(kind=1),
        ase.layer(level=1, opacity=99),
        ase.layer(kind=2, mode=3),
        ase.tags(("a", 0, 1, 2)),
        ase.slices("s", (0, 1, 2, 3, 4), flags=3),
    ]
    found = []
    for pixels, depth in ((rgba, 32), (grey, 16), (index, 8)):
        tiles = [ase.tileset(pixels.reshape(4, 8, 8, -1)), ase.tilemap(np.array([[1, 2 | 7 << 29]]), 2)]
        colours = [ase.palette(rgba[0]), ase.old_palette(rgba[0, :, :3])]
        frames = [
            [*colours, *about, *tiles, ase.cel(pixels, 1, -3, 2, 200, 1)],
            [ase.link(0, 1), ase.cel(pixels, 1, raw=True)],
        ]
        found.append(ase.aseprite(frames, 16, 16, depth))
    return found


def read_drawing(data: bytes) -> object:
    return read_aseprite(Path("a.aseprite"), data)


def read_members(data: bytes) -> object:
    return list(members(Path("a.zip"), data, (".png", ".gif")))


def read_cells(data: bytes) -> object:
    return list(cells(Path("a.parquet"), data))


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def zip_seeds() -> list[bytes]:
    png, _, gif = (pictures()[i] for i in (0, 1, 7))
    return [
        zipped(a_png=png),
        zipped(pack__hero__a_png=png, pack__food__b_gif=gif, read_me=b"x"),
        zipped(a_zip=zipped(b_png=png)),
    ]


def parquet_seeds() -> list[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    found, cells = [], [{"bytes": data, "path": "a.png"} for data in pictures()[:2]]
    for image in (cells, [cell["bytes"] for cell in cells]):
        out = io.BytesIO()
        about = {"info": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
        table = pa.table({"image": image, "label": [0, 1]}).replace_schema_metadata({"huggingface": json.dumps(about)})
        parquet.write_table(table, out)
        found.append(out.getvalue())
    return found


def sheet_seeds() -> list[bytes]:
    tiles = tiny_sprites(12, 16, 4)[0].reshape(3, 4, 16, 16, 4).swapaxes(1, 2).reshape(48, 64, 4)
    return [
        encoded(Image.fromarray(np.ascontiguousarray(x))) for x in (tiles, tiles.repeat(2, 0).repeat(2, 1), tiles[:40])
    ]


def table_of_tags(folder: Path) -> Reader:
    path = folder / "a.csv"
    path.touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return read_table(path).rows

    return Reader([b'file,index,colour\na.png,,red\nb,2,"x, y"\n', b"category,index,kind\r\na,0,x\r\n,,\r\n"], read)


# --- models -------------------------------------------------------------------------------------------------


def file_of(header: bytes, body: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + body


def sealed(data: bytes) -> bytes:
    """The bytes of a safetensors file, with the checksum that `write_safetensors` would have entered."""
    try:
        tensors, length = safetensors.torch.load(data), int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        ours = json.loads(header["__metadata__"]["header"])
        ours["checksum"] = checksum(tensors, ours["about"])
        header["__metadata__"]["header"] = json.dumps(ours)
    except Exception:  # no such file any more, which is an input too
        return data
    return file_of(json.dumps(header).encode(), data[8 + length :])


def model_bytes(folder: Path) -> bytes:
    """A valid model file."""
    torch.manual_seed(0)
    path = folder / "made.safetensors"
    save_model(path, SPEC.build(), SPEC, 1)
    data = path.read_bytes()
    path.unlink()
    return data


def model_header(folder: Path) -> Reader:
    """The header of a model file, of which the weights stay as they are; the checksum is put right."""
    whole, path = model_bytes(folder), folder / "model.safetensors"
    path.touch()
    length = int.from_bytes(whole[:8], "little")

    def read(data: bytes) -> object:
        path.write_bytes(sealed(file_of(data, whole[8 + length :])))
        return load_model(path)

    return Reader([whole[8 : 8 + length]], read)


def model_description(folder: Path) -> Reader:
    """What a model file says of its network, as JSON."""
    weights, path = SPEC.build().state_dict(), folder / "model.safetensors"
    path.touch()

    def read(data: bytes) -> object:
        try:
            about = json.loads(data)
            write_safetensors(path, weights, about)
        except (ValueError, RecursionError):  # nothing that a file could hold
            return None
        return load_model(path)

    student = to_dict(SPEC) | {"student": {"knots": [0, 2], "teacher_steps": 4, "scales": [0.0, 4]}}
    return Reader([json.dumps({"spec": spec, "step": 1}).encode() for spec in (to_dict(SPEC), student)], read)


def training_state(folder: Path) -> Reader:
    """A checkpoint, with the checksum put right, read and put into a network and its optimiser."""
    model = torch.nn.Linear(16, 16)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)  # which looks at no shape
    model(torch.ones(1, 16)).sum().backward()
    optimizer.step()
    path = checkpoints.save_checkpoint(folder, {"step": 1}, {"model": model}, {"adamw": optimizer}, 1)

    def read(data: bytes) -> object:
        path.write_bytes(sealed(data))
        with patch.object(checkpoints, "warn", lambda what: None):
            try:
                tensors = checkpoints.newest_checkpoint(folder)[1]
                checkpoints.restore(tensors, {"model": model}, {"adamw": optimizer}, begun=True)
            finally:  # a damaged one was set aside
                (folder / "checkpoints" / "step_00000001.damaged").unlink(missing_ok=True)
                path.touch()
        for p, state in optimizer.state.items():
            assert state["step"].shape == () and state["exp_avg"].shape == state["exp_avg_sq"].shape == p.shape
        return optimizer.step()  # with a state that an optimiser can use

    return Reader([path.read_bytes()], read)


# --- command lines ------------------------------------------------------------------------------------------


def value(parse: Callable[[str], object], *seeds: str) -> Callable[[Path], Reader]:
    """A value given on the command line."""
    return lambda folder: Reader([s.encode() for s in seeds], lambda data: parse(argument(data)))


def argument(data: bytes) -> str:
    """As the system hands it on: a byte that is no UTF-8 as a single surrogate."""
    return data.decode("utf-8", "surrogateescape")


def script(name: str) -> Callable[[], object]:
    """The main function of a script, less its turning of errors into a line and a code, which `attempt` does."""
    return command_module(name).main.__wrapped__


def command_line(name: str, first: list, last: list, seeds: list[str], stubs: dict) -> Callable[[Path], Reader]:
    """Arguments, a line each, of a script whose work is left out: between the first ones and the last, which win."""

    def make(folder: Path) -> Reader:
        (folder / "model.safetensors").write_bytes(model_bytes(folder))
        (folder / "c.toml").write_text("steps = 3\n")
        write_npy(folder / "data", *tiny_sprites(30, 8, 4))
        main = script(name)

        def read(data: bytes) -> object:
            words = argument(data).split("\n")
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.chdir(folder))
                stack.enter_context(patch.object(sys, "argv", [f"{name}.py", *first, *words, *last]))
                for where, stub in stubs.items():
                    stack.enter_context(patch(where, stub))
                try:
                    main()
                except SystemExit as error:  # the command line's own error, or help
                    assert error.code in (0, 2), error.code
                finally:
                    (folder / "out.png").unlink(missing_ok=True)

        return Reader([s.encode() for s in seeds], read)

    return make


def blank(sampler: Sampler, condition: Condition, *how: object, **watched: object) -> torch.Tensor:
    """Sprites that are all the same, in place of sampled ones."""
    return torch.zeros(len(condition), sampler.spec.channels, sampler.spec.size, sampler.spec.size)


def reached(*args: object, **kwargs: object) -> None:
    """In place of the work."""
    raise ValueError("all that is checked before the work was right")


SAMPLING = [
    "--guidance\n0\n2.5\n--seed\n3",
    "--form\nrescale=0.5+threshold\n--sampler\nheun\n--steps\n4\n--grid\nkarras",
]

READERS: dict[str, Callable[[Path], Reader]] = {
    "aseprite": lambda folder: Reader(aseprite_seeds(), read_drawing),
    "zip": lambda folder: Reader(zip_seeds(), read_members),
    "parquet": lambda folder: Reader(parquet_seeds(), read_cells),
    "aseprite to cut": lambda folder: prepared(folder, "a.aseprite", aseprite_seeds(), grid=Grid(8, 8)),
    "zip to cut": lambda folder: prepared(folder, "a.zip", zip_seeds()),
    "frames": lambda folder: prepared(folder, "a.gif", animation(folder).seeds, fit="box"),
    "sheet to cut": lambda folder: prepared(folder, "a.png", sheet_seeds()),
    "tiles to cut": lambda folder: prepared(folder, "a.png", sheet_seeds(), grid=Grid(16, 12), fit="crop"),
    "table of tags": table_of_tags,
    "pattern": value(compiled, "{category}_{colour}_*.png", "*/{a}?"),
    "tile": value(parse_tile, "16", "16x24"),
    "npy images": npy_images,
    "npy labels": npy_labels,
    "npy clips": npy_clips,
    "image": image,
    "png mended": png_mended,
    "sheet": sheet,
    "sheet guess": sheet_guess,
    "sheet resized": sheet_resized,
    "animation": animation,
    "animated clip": animated_clip,
    "16-bit grey": grey_16_bit,
    "file names": file_names,
    "sprites.toml": sprites_toml,
    "cycles": cycles,
    "categories.json": categories_json,
    "tags.csv": tags_csv,
    "sampled arrays": sampled_npz,
    "config": config_toml,
    "model header": model_header,
    "model description": model_description,
    "training state": training_state,
    "context": value(lambda text: parse_context(text, NAMES), "bar", "square=0.7, bar=-.3", "uncond"),
    "composition": value(lambda text: parse_composition(text, NAMES), "bar + 0.4 square=1,bar=2 - 2 * uncond"),
    "form": value(parse_form, "cfg", "auto+interval=0.5:20+apg=0:0.1:-.5", "rescale=0.7+threshold=0.99"),
    "sampler": value(lambda text: Sampling.parse("cfg", text, 0), "heun:10:karras", "dpmpp_2m:8"),
    "sample.py": command_line(
        "sample",
        ["model.safetensors"],
        ["--count", "1", "--out", "out.png"],
        [*SAMPLING, "--categories\nbar + 0.4 square\nuncond\n--negative\nbar"],
        {"ddpm.sampling.Sampler.batch": blank},
    ),
    "export.py": command_line(
        "export",
        ["data"],
        ["--out", "out.png", "--overwrite"],
        ["--format\nsheet\n--only\nbar\n--scale\n2", "--format\napng\n--delay\n50\n--palette\n9\n--count\n3"],
        {"ddpm.commands.files.export.save_album": reached},
    ),
    "sweep.py": command_line(
        "sweep",
        ["model.safetensors", "--data", "data"],
        ["--out", "out", "--judges", "judges"],
        [*SAMPLING, "--per-category\n9"],
        {"ddpm.evaluation.judge.data_of": reached},
    ),
    "prepare.py": command_line(
        "prepare",
        ["data"],
        ["--out", "prepared"],
        ["--tile\n16x24\n--margin\n1\n--spacing\n2", "--size\n16\n--fit\nbox\n--category\n{category}_*\n--by\ntag"],
        {"ddpm.commands.files.prepare.collect": reached},
    ),
    "train.py": command_line(
        "train",
        ["c.toml"],
        ["--data", "data", "--out", "out"],
        ["--steps\n9\n--model.widths\n16\n32", "--optim.lr\n1e-3\n--mirror\nbar\n--size\n8\n--resize\nbox\n--resume"],
        {"ddpm.training.trainer.Trainer": reached},
    ),
}
