"""Files from strangers and mistyped values: each is read or refused in one line, in bounded memory and time."""

import csv
import io
import json
import os
import re
import signal
import string
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import aseprites as ase
import numpy as np
import pytest
import torch
from conftest import ROOT, assert_one_line_error, run, tiny_sprites, write_npy
from folders import png_of_size, write_categories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from readers import NAMES, READERS, SPEC, TOKENS, a_set, attempt
from safetensors.torch import save_file

from ddpm.commands.shared.requests import parse_composition
from ddpm.config import Config, DiffusionConfig, LogConfig, ModelConfig, OptimConfig, load_config, to_toml
from ddpm.runs.checkpoints import newest_checkpoint
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.system.console import one_line
from ddpm.system.outputs import written_aside
from sprites.files import MAX_NAMES, DataError, check_names
from sprites.loading import load_sprites
from sprites.tags import load_tags
from sprites.writing.png import save_pngs


def tried(count: int) -> settings:
    """The same inputs in every run; the folder of a test is used for all of them."""
    ignored = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=ignored)


# --- any input, by any reader -------------------------------------------------------------------------------


@st.composite
def changed(draw, seeds: list[bytes]) -> bytes:
    """A valid input after up to four accidents."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        piece = draw(st.sampled_from([b"", data[start:end] * 2, *TOKENS, *seeds]) | st.binary(min_size=1, max_size=4))
        start = draw(st.sampled_from([start, end, max(end - len(piece), 0)]))  # replace, insert, overwrite
        data = data[:start] + piece + data[end:]
    return data


SLOW = {name: 20 for name in READERS if name.endswith((".py", " to cut"))} | {
    "model header": 40,
    "model description": 40,
}


@pytest.mark.parametrize("name", READERS)
def test_any_input_is_read_or_refused_in_one_line(tmp_path, name):
    reader = READERS[name](tmp_path)
    assert attempt(reader, reader.seeds[0], tmp_path) in (None, "error: all that is checked before the work was right")

    @tried(SLOW.get(name, 80))
    @given(changed(reader.seeds) | st.binary(max_size=64))
    def holds(data: bytes) -> None:
        attempt(reader, data, tmp_path)

    holds()


# --- what is written is read back ---------------------------------------------------------------------------

names = st.lists(st.text(max_size=12).filter(lambda text: text != "sprites"), min_size=1, max_size=4)
tame = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=8), min_size=1, max_size=4, unique=True)


@tried(150)
@given(names | st.lists(st.text(min_size=20, max_size=200), max_size=2))
def test_a_name_that_is_taken_stays_in_its_folder_and_on_its_line(found):
    try:
        accepted = check_names(found)
    except ValueError as error:
        assert str(error).isprintable()
        return
    assert accepted == tuple(found) and len(set(found)) == len(found)
    for name in found:
        assert os.path.dirname(os.path.normpath(f"/out/{name}/0.png")) == f"/out/{name}"
        assert one_line(name) == " ".join(name.split())


@tried(60)
@given(st.integers(1, 4), st.sampled_from([3, 4]), st.integers(8, 11), names, st.integers(0, 2**32 - 1))
def test_arrays_and_names_of_a_pair_are_read_back(tmp_path, each, channels, size, found, seed):
    folder = tmp_path / "pair"
    labels = np.arange(len(found)).repeat(each)
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), size, size, channels), np.uint8)
    write_npy(folder, images, labels if seed % 2 else np.eye(len(found))[labels])
    (folder / "categories.json").write_text(json.dumps(found))
    try:
        check_names(found)
    except ValueError as error:
        with pytest.raises(DataError, match=re.escape(str(error))):
            load_sprites(folder)
        return
    sprites = load_sprites(folder)
    assert (sprites.images == images).all() and (sprites.labels == labels).all() and sprites.categories == tuple(found)


@tried(30)
@given(tame, st.integers(0, 2**32 - 1))
def test_png_files_are_read_back(tmp_path_factory, found, seed):
    folder = tmp_path_factory.mktemp("pngs")
    images = np.random.default_rng(seed).integers(0, 256, (len(found), 8, 8, 4), np.uint8)
    save_pngs(folder, images, [f"{name}/0" for name in found])
    sprites = load_sprites(folder)
    assert sprites.categories == tuple(sorted(found))
    assert (sprites.images == images[np.argsort(found)]).all()


@tried(60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(string.printable[:95], max_size=9)), min_size=1, max_size=9))
def test_tags_are_read_back(tmp_path, rows):
    order = sorted({category for category, _ in rows})
    counts = dict.fromkeys(order, -1)
    table = [["category", "index", "kind"]]
    for category, kind in rows:
        counts[category] += 1
        table.append([category, str(counts[category]), kind])
    with open(tmp_path / "tags.csv", "w", newline="") as file:
        csv.writer(file).writerows(table)
    (tmp_path / "categories.json").write_text(json.dumps(order))
    tags = load_tags(tmp_path)
    assert [tags["kind"][i] or "" for i in range(len(tags))] == [k for c in order for c_, k in rows if c_ == c]


positive = st.floats(1e-6, 1e6)
configs = st.builds(
    Config,
    data=st.text(string.printable[:95], min_size=1).map(Path),
    steps=st.integers(1, 10**9),
    seed=st.integers(0, 2**63 - 1),
    size=st.none() | st.integers(8, 128),
    resize=st.sampled_from([None, "box", "nearest"]),
    mirror=st.lists(st.text(), max_size=3).map(tuple),
    keep_context=st.floats(0, 1),
    model=st.builds(ModelConfig, widths=st.lists(st.integers(8, 8192), min_size=1, max_size=8).map(tuple)),
    optim=st.builds(OptimConfig, lr=positive, clip=positive),
    log=st.builds(LogConfig, guidance=st.lists(st.floats(-9, 9), min_size=1, max_size=4).map(tuple)),
)


@tried(60)
@given(configs)
def test_settings_are_read_back(tmp_path, config):
    (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "c.toml") == config


@tried(10)
@given(tame, st.sampled_from([(8,), (8, 16)]), st.integers(8, 128), st.sampled_from([3, 4]), st.integers(2, 9999))
def test_a_model_is_read_back(tmp_path, found, widths, size, channels, timesteps):
    spec = ModelSpec(size, channels, tuple(found), ModelConfig(widths, 1, ()), DiffusionConfig(timesteps=timesteps))
    model = spec.build()
    save_model(tmp_path / "m.safetensors", model, spec, 1)
    loaded, its_spec = load_model(tmp_path / "m.safetensors")
    assert its_spec == spec
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))


@tried(100)
@given(st.lists(st.tuples(st.sampled_from("+-"), st.floats(0, 99), st.sampled_from(NAMES)), min_size=1, max_size=5))
def test_a_sum_is_read_as_it_is_written(terms):
    text = " ".join(f"{sign} {scale:.3f} {name}" for sign, scale, name in [("+", 1, "uncond"), *terms])
    condition = parse_composition(text.removeprefix("+ "), NAMES)
    contexts, scales = condition.contexts[0], condition.scales[0]
    wanted = [float(f"{sign}{scale:.3f}") for sign, scale, _ in terms]
    assert scales[1:].tolist() == pytest.approx(wanted, rel=1e-6)
    assert [NAMES[k] for k in contexts[1:].argmax(1)] == [name for *_, name in terms]


# --- memory and time ----------------------------------------------------------------------------------------

PROBE = """
import json, re, sys
from pathlib import Path
{imports}
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before, said = peak(), ""
try:
    {call}
except ValueError as error:
    said = str(error)
print(json.dumps([said, peak() - before]))
"""
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")


def measured(imports: str, call: str) -> tuple[str, int]:
    """What a call says in a process of its own, in less than 20 seconds, and by how many MB its memory grew."""
    program = PROBE.format(imports=imports, call=call)
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stderr
    return tuple(json.loads(result.stdout))


def sparse(path: Path, start: bytes, size: int) -> None:
    """A file of zeros after its start, which hardly takes space on the disk."""
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(size)


def sparse_npy(path: Path, shape: tuple[int, ...]) -> None:
    """An array of uint8 that are 0."""
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "|u1", "fortran_order": False, "shape": shape})
    sparse(path, start.getvalue(), start.tell() + int(np.prod(shape, dtype=object)))


def pair(folder: Path, images: tuple[int, ...], labels: tuple[int, ...]) -> None:
    sparse_npy(folder / "images.npy", images)
    sparse_npy(folder / "labels.npy", labels)


def npy_that_claims_more(folder: Path) -> None:
    pair(folder, (4, 8, 8, 3), (4,))
    whole = (folder / "images.npy").read_bytes()
    (folder / "images.npy").write_bytes(whole.replace(b"(4, 8", b"(4000000000000, 8"))


def npy_with_a_long_header(folder: Path) -> None:
    pair(folder, (4, 8, 8, 3), (4,))
    sparse(folder / "images.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1), 2**33)


def text_bomb(folder: Path) -> None:
    chunk = b"zTXt" + b"a\0\0" + zlib.compress(bytes(500_000_000), 1)
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (folder / "x").mkdir()
    whole = png_of_size(8, 8)
    (folder / "x" / "a.png").write_bytes(whole[:33] + bomb + whole[33:])


def many_pictures(folder: Path, width: int, height: int, count: int) -> None:
    (folder / "x").mkdir()
    for i in range(count):
        (folder / "x" / f"{i}.png").write_bytes(png_of_size(width, height))


def many_sheets(folder: Path) -> None:
    (folder / "sprites.toml").write_text(f"tile = 32\ncategories = {[f's{i}' for i in range(20)]}")
    for i in range(20):
        (folder / f"s{i}.png").write_bytes(png_of_size(8192, 8192))


def toml(text: str):
    return lambda folder: (folder / "sprites.toml").write_text(text)


def names_of_a_pair(text: str, size: int | None = None):
    def write(folder: Path) -> None:
        pair(folder, (4, 8, 8, 3), (4,))
        sparse(folder / "categories.json", text.encode(), size or len(text))

    return write


def deep_folder(folder: Path) -> None:
    """Made step by step, as a path of all of them is long."""
    start = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(1500):
            os.mkdir("a")
            os.chdir("a")
    finally:
        os.chdir(start)


BOMBS = {
    "npy claims more": (npy_that_claims_more, "", "cannot be read as a plain .npy array"),
    "npy header of 4 GB": (npy_with_a_long_header, "", "its header is too long"),
    "npy of 10^9 categories": (lambda f: pair(f, (4, 8, 8, 3), (4, 10**9)), "", "at most 10,000 categories"),
    "npy of 10^10 sprites": (lambda f: pair(f, (10**10, 1, 1, 3), (10**10,)), "", "at most 100,000,000"),
    "npy of a sprite of 10^9 pixels": (
        lambda f: pair(f, (1, 1, 10**9, 3), (1,)),
        "size=8, resize='box'",
        "too many to resize",
    ),
    "npy to be enlarged": (lambda f: pair(f, (10**6, 8, 8, 3), (10**6,)), "size=128, resize='box'", "61.0 GiB"),
    "png text of 500 MB": (text_bomb, "", "cannot be read as an image"),
    "png of 2^26 x 1": (lambda f: many_pictures(f, 2**26, 1, 1), "size=8, resize='box'", "too many to resize"),
    "png of 2^31 x 1": (lambda f: many_pictures(f, 2**31 - 1, 1, 1), "size=8, resize='box'", "too large"),
    "pngs of 8192 x 8192": (lambda f: many_pictures(f, 8192, 8192, 50), "", "8192x8192 pixels are out of range"),
    "sheets of 5 GB": (many_sheets, "", "at most 4 are allowed"),
    "png of 8 GB": (
        lambda f: (many_pictures(f, 8, 8, 1), sparse(f / "x" / "0.png", png_of_size(8, 8), 2**33)),
        "",
        "too large (8,589,934,592 bytes)",
    ),
    "tile of 10^9": (toml("tile = 1_000_000_000\ncategories = ['x']"), "", "tile: got 1000000000, expected"),
    "tile of 10^5000": (toml(f"tile = {'9' * 5000}\ncategories = ['x']"), "", "not valid TOML"),
    "a million categories": (toml(f"tile = 8\ncategories = {list(range(10**6))}"), "", "more than 262,144 bytes"),
    "30,000 categories": (toml(f"tile = 8\ncategories = {[f'{i:x}' for i in range(30_000)]}"), "", "at most 10,000"),
    "nested TOML": (toml("a = " + "[" * 100_000), "", "nested too deeply"),
    "a long TOML key": (toml("a." * 100_000 + "a = 1"), "", "more than 100 dots"),
    "TOML of 8 GB": (lambda f: sparse(f / "sprites.toml", b"tile = 8\n", 2**33), "", "more than 262,144 bytes"),
    "JSON of 8 GB": (names_of_a_pair('["a"', 2**33), "", "more than 262,144 bytes"),
    "nested JSON": (names_of_a_pair("[" * 200_000), "", "not valid JSON"),
    "folders in folders": (deep_folder, "", "no sprites"),
}


@LINUX
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path, name):
    write, options, reason = BOMBS[name]
    write(tmp_path)
    call = f"load_sprites({str(tmp_path)!r}, {options})"
    said, grown = measured("from sprites.loading import load_sprites", call)
    assert reason in said and "\n" not in said
    assert grown < 40, f"{grown} MB more, {said}"
    if name == "folders in folders":
        subprocess.run(["rm", "-r", str(tmp_path / "a")], check=True)


@LINUX
def test_a_pair_larger_than_the_memory_is_still_read_from_the_disk(tmp_path):
    count = 1_000_000
    pair(tmp_path, (count, 128, 128, 4), (count,))  # 61 GiB
    said, grown = measured(
        "from sprites.loading import load_sprites",
        f"sprites = load_sprites({str(tmp_path)!r}); assert sprites.images[-1].shape == (128, 128, 4)",
    )
    assert (said, grown < 60) == ("", True)


@LINUX
def test_only_the_first_of_many_frames_is_looked_at(tmp_path):
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF")
    whole = out.getvalue()
    frame = whole[whole.rindex(b",\0\0\0\0") : -1]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.gif").write_bytes(whole[:-1] + frame * 1_000_000 + b";")
    said, grown = measured("from sprites.loading import load_sprites", f"load_sprites({str(tmp_path)!r})")
    assert (said, grown < 40) == ("", True)


def gif_of(frames: int) -> bytes:
    """A picture shown so many times."""
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF")
    whole = out.getvalue()
    return whole[:-1] + whole[whole.rindex(b",\0\0\0\0") : -1] * (frames - 1) + b";"


def zip_of(size: int) -> bytes:
    """One file of so many zeros."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.png", "w") as file,
    ):
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return out.getvalue()


def cel_of(size: int) -> bytes:
    """A file of Aseprite of one small canvas, and a cel that unpacks to so many bytes, of which it claims 64."""
    packed = zlib.compress(bytes(size), 1)
    cel = ase.chunk(0x2005, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, 2, 0, 4, 4) + packed)
    return ase.aseprite([[ase.layer(), cel]])


PREPARED = {
    "a million frames": ("a.gif", lambda: gif_of(1_000_000), "more than 10,000 frames of 8x8"),
    "a zip of 200 MB": ("a.zip", lambda: zip_of(200 * 2**20), "has 209,715,200 bytes"),
    "frames of 64 GB": ("a.ase", lambda: ase.aseprite([[]] * 999, 65535, 65535), "999 frames of 65535x65535"),
    "a cel of 200 MB": ("a.ase", lambda: cel_of(200_000_000), "no sprites"),
    "a png of 2^31 x 1": ("a.apng", lambda: png_of_size(2**31 - 1, 1), "too large"),
}


@LINUX
@pytest.mark.parametrize("name", PREPARED)
def test_a_bomb_is_not_prepared(tmp_path, name):
    file, write, reason = PREPARED[name]
    (tmp_path / file).write_bytes(write())
    names = {"collection": "collect", "names": "Naming", "settings": "Settings"}
    imports = "\n".join(f"from sprites.prepare.{module} import {name}" for module, name in names.items())
    said, grown = measured(imports, f"collect([Path({str(tmp_path / file)!r})], Settings(Naming()))")
    assert reason in said and "\n" not in said
    assert grown < 90, f"{grown} MB more, {said}"


@LINUX
def test_a_model_file_is_refused_before_it_takes_memory(tmp_path):
    """A tensor of 8 GB that is none of the network's, a header of 4 GB, and a file larger than any memory."""
    extra, header, large = (tmp_path / f"{name}.safetensors" for name in ("extra", "header", "large"))
    save_model(extra, SPEC.build(), SPEC, 1)
    whole = extra.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    weights = whole[8 + length :]
    for path, size in ((extra, 2**33), (large, 2**43)):
        about = json.loads(whole[8 : 8 + length])
        about["more"] = {"dtype": "U8", "shape": [size], "data_offsets": [len(weights), len(weights) + size]}
        text = json.dumps(about).encode()
        sparse(path, struct.pack("<Q", len(text)) + text + weights, 8 + len(text) + len(weights) + size)
    sparse(header, struct.pack("<Q", 2**32), 2**33)
    reasons = {
        extra: "has unknown weights .* 'more'",
        header: "header is too long",
        large: "cannot read|unknown weights",
    }
    call = f"""
    for path in {list(map(str, reasons))}:
        try: load_model(path)
        except ValueError as error: said += str(error) + "\\n"
    """
    said, grown = measured("from ddpm.runs.models import load_model", call)
    for line, (path, reason) in zip(said.splitlines(), reasons.items(), strict=True):
        assert re.search(reason, line) and path.name in line
    assert grown < 100, f"{grown} MB more"


@pytest.fixture
def in_time():
    """Ends what waits for ever."""

    def late(*args: object) -> None:
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("sprites.toml", load_sprites),
        ("bar.png", load_sprites),
        ("tags.csv", load_tags),
        ("config.toml", lambda folder: load_config(folder / "config.toml")),
        ("model.safetensors", load_model),
        ("model.safetensors", lambda folder: load_model(folder / "model.safetensors")),
        ("checkpoints/step_00000001.safetensors", newest_checkpoint),
    ],
)
def test_a_pipe_or_device_is_not_waited_for(tmp_path, in_time, name, read):
    path = a_set(tmp_path) / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path.stem}|no model|nothing to resume"):
        read(tmp_path / "data")


@pytest.mark.parametrize("name", ["images.npy", "categories.json", "x/a.png"])
def test_a_pipe_in_other_kinds_of_data_is_not_waited_for(tmp_path, in_time, name):
    path = tmp_path / name
    if name == "x/a.png":
        path.parent.mkdir()
    else:
        pair(tmp_path, (4, 8, 8, 3), (4,))
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(DataError, match="not an ordinary file"):
        load_sprites(tmp_path)


# --- links --------------------------------------------------------------------------------------------------


def outside(tmp_path: Path, path: Path) -> None:
    """Put a link to the same file elsewhere in its place."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    os.replace(path, elsewhere / path.name)
    path.symlink_to(elsewhere / path.name)


@pytest.mark.parametrize("name", ["sprites.toml", "bar.png"])
def test_a_link_that_leads_out_of_a_set_is_refused(tmp_path, name):
    folder = a_set(tmp_path)
    (tmp_path / "itself").symlink_to(folder)
    assert len(load_sprites(tmp_path / "itself")) == 2  # the folder itself may be a link
    outside(tmp_path, folder / name)
    for way in (folder, tmp_path / "itself"):
        with pytest.raises(DataError, match=f"{name}: a symbolic link that leads out of"):
            load_sprites(way)


@pytest.mark.parametrize("name", ["sprites.npy", "labels.npy", "categories.json"])
def test_a_link_that_leads_out_of_a_pair_is_refused(tmp_path, name):
    folder = write_npy(tmp_path / "data", *tiny_sprites(4, 8, 3))
    outside(tmp_path, folder / name)
    with pytest.raises(DataError, match=f"{name}: a symbolic link that leads out of"):
        load_sprites(folder)


def test_links_in_folders_of_images(tmp_path):
    folder = write_categories(tmp_path / "data", tiny_sprites(4, 8, 4)[0], np.arange(4) % 2, NAMES)
    image = next((folder / "bar").iterdir())
    (folder / "square" / "inside.png").symlink_to(image)
    assert len(load_sprites(folder)) == 5
    outside(tmp_path, image)
    with pytest.raises(DataError, match=f"{image.name}: a symbolic link that leads out of"):
        load_sprites(folder)


def test_a_link_to_a_folder_is_not_walked(tmp_path, in_time):
    (tmp_path / "all").symlink_to("/")
    with pytest.raises(DataError, match="all: a symbolic link, which is not followed"):
        load_sprites(tmp_path)


@pytest.mark.parametrize("text", ["x" * 200_000, "category,index\n" + "x" * 200_000, "category,index," + "a," * 9999])
def test_a_table_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "tags.csv").write_text(text)
    with pytest.raises(DataError, match=r"tags\.csv: ") as error:
        load_tags(tmp_path)
    assert len(str(error.value)) < 400


def test_tags_behind_a_link_that_leads_out(tmp_path):
    path = a_set(tmp_path) / "tags.csv"
    path.write_text("category,index\nbar,0\nsquare,0\n")
    assert len(load_tags(path.parent)) == 2
    outside(tmp_path, path)
    with pytest.raises(DataError, match=r"tags\.csv: a symbolic link that leads out of"):
        load_tags(path.parent)


def test_a_link_in_the_place_of_a_file_to_write_is_replaced_and_not_written_through(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    for name in ("a.txt", ".a.txt.tmp"):
        (tmp_path / name).symlink_to(precious)
    with written_aside(tmp_path / "a.txt") as aside:
        aside.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new" and not (tmp_path / "a.txt").is_symlink()
    assert precious.read_text() == "as it was"


# --- names --------------------------------------------------------------------------------------------------

BAD_NAMES = ["../../x", "/etc/x", "a\\b", "..", "a\0b", "a\nb", "\x1b[2Jx", "\u202egnp", "x" * 101, "\ud800", " "]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_escape_is_refused_wherever_it_comes_from(tmp_path, name):
    folder = write_npy(tmp_path / "pair", *tiny_sprites(4, 8, 3))
    (folder / "categories.json").write_text(json.dumps(["a", name]))
    sprite_set = a_set(tmp_path)
    (sprite_set / "sprites.toml").write_text(f"tile = 8\ncategories = ['bar', {json.dumps(name)}]")
    for data in (folder, sprite_set):
        with pytest.raises(DataError) as error:
            load_sprites(data)
        assert str(error.value).isprintable()
    with pytest.raises(ValueError):
        ModelSpec(8, 3, ("a", name), ModelConfig(), DiffusionConfig())


def test_a_folder_whose_name_commands_the_terminal_is_refused_and_not_obeyed(tmp_path):
    save_pngs(tmp_path / "data", tiny_sprites(1, 8, 3)[0], ["x/a"])
    os.rename(tmp_path / "data" / "x", tmp_path / "data" / "\x1b[2Jx\n")
    result = run("train", ROOT / "configs" / "demo.toml", "--data", tmp_path / "data", "--out", tmp_path / "run")
    assert result.returncode == 2 and r"'\x1b[2Jx\n'" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and "\x1b" not in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:x", "C:/x", "..\\x", "a\0", "a\n", "x" * 300])
def test_png_files_do_not_leave_their_folder(tmp_path, name):
    with pytest.raises(ValueError, match="names: got"):
        save_pngs(tmp_path / "out", tiny_sprites(2, 8, 4)[0], ["fine", name])
    assert not list(tmp_path.iterdir())


def test_too_many_names():
    check_names([str(i) for i in range(MAX_NAMES)])
    with pytest.raises(ValueError, match="at most 10,000"):
        check_names([str(i) for i in range(MAX_NAMES + 1)])


# --- models and settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [100, 300, 900, 950, 980, 990, 100_000])
def test_a_description_nested_to_any_depth_is_refused(tmp_path, depth):
    header = '{"format": "ddpm-sprites 2", "checksum": "", "about": {"spec": ' + "[" * depth + "]" * depth + "}}"
    save_file({"x": torch.ones(1)}, tmp_path / "m.safetensors", {"header": header})
    with pytest.raises(ValueError, match=r"m\.safetensors") as error:
        load_model(tmp_path / "m.safetensors")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "seed = 99999999999999999999",
        "[optim]\nbatch = 1_000_000_000_000",
        "[log]\ncount = 1_000_000_000",
        "[log]\nevaluate_count = 1_000_000_000",
        f"[model]\nattention = {[0] * 1000}",
        "size = [[[[1]]]]",
        f"steps = {'9' * 5000}",
    ],
)
def test_absurd_settings_are_refused(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=r"c\.toml"):
        load_config(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("script", "args"),
    [
        ("sample", ["--count", 10**12]),
        ("sample", ["--seed", 2**70]),
        ("sweep", ["--data", "x", "--per-category", 10**12]),
    ],
)
def test_absurd_numbers_on_the_command_line_are_refused(tmp_path, script, args):
    assert_one_line_error(run(script, "model", *args, cwd=tmp_path), args[-2].lstrip("-"), str(args[-1]))


def test_a_row_that_cannot_name_a_folder_is_refused():
    for text in ("bar\n+ square", "bar + " + "9" * 999 + " square", "bar" + " " * 10_000, "bar + " + "9" * 99 + " bar"):
        with pytest.raises(ValueError) as error:
            parse_composition(text, NAMES)
        assert str(error.value).isprintable() and len(str(error.value)) < 300
