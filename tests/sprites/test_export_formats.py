"""Sprites exported and read back, by other libraries where there are any: every pixel, name, tag and delay is there."""

import io
import json
import re
import struct
import zlib
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sprites.colour import colours_of, keeps_to
from sprites.export.album import Album, Run, grouped, palette_only
from sprites.export.formats import FORMATS, export, files_of, format_of, places
from sprites.loading import load_sprites
from sprites.palettes import read_palette


@st.composite
def albums(draw, most_colours: int = 255) -> Album:
    """Few frames of any size, in runs, of up to so many colours; some frames are blank, some are equal."""
    N, H, W = draw(st.integers(1, 6)), draw(st.integers(1, 17)), draw(st.integers(1, 17))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    colours = colours_of(rng.choice(2**24, draw(st.integers(1, most_colours)), replace=False))
    sprites = np.zeros((N, H, W, draw(st.sampled_from((3, 4)))), np.uint8)
    sprites[..., :3] = colours[rng.integers(0, len(colours), (N, H, W))]
    if sprites.shape[-1] == 4:
        sprites[..., 3] = 255 * (rng.random((N, H, W)) < 0.7)
        sprites[rng.random(N) < 0.2] = 0
        sprites *= sprites[..., 3:] > 0
    if N > 2:
        sprites[1] = sprites[2]
    cut = draw(st.integers(0, N))
    runs = [run for run in (Run('the "first"', 0, cut - 1), Run("<é & b>", cut, N - 1)) if run.frames]
    delays = np.array(draw(st.lists(st.integers(2, 100), min_size=N, max_size=N))) * 10
    return Album(sprites, [f"a/{i}" for i in range(N)], runs, delays, draw(st.sampled_from((None, colours))))


def written(name: str, album: Album, file: str, columns: int | None = None) -> dict[str, bytes]:
    contents = files_of(name, album, Path(file), columns).contents
    assert list(contents) == [place.name for place in places(FORMATS[name], Path(file))]
    return contents


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def cut(sheet: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    assert left + width <= sheet.shape[1] and top + height <= sheet.shape[0]
    return sheet[top : top + height, left : left + width]


META = {"app", "version", "image", "format", "size", "scale", "frameTags", "layers", "slices"}
quick = settings(max_examples=25, deadline=None)


@quick
@given(albums(), st.integers(1, 9), st.sampled_from(("json-hash", "json-array", "phaser")))
def test_json_has_the_fields_of_aseprite(album, columns, name):
    text, image = written(name, album, "walk.json", columns).values()
    about, sheet = json.loads(text), pixels(image)
    meta, frames = about["meta"], about["frames"]
    if name != "json-array":
        frames = [frame | {"filename": key} for key, frame in frames.items()]
    names = list(map(str, range(len(album)))) if name == "phaser" else list(album.names)
    assert about.keys() == {"frames", "meta"} and [f["filename"] for f in frames] == names
    assert meta.keys() == META
    assert (meta["image"], meta["format"], meta["scale"], meta["slices"]) == ("walk.png", "RGBA8888", "1", [])
    assert meta["size"] == {"w": sheet.shape[1], "h": sheet.shape[0]}
    assert meta["layers"] == [{"name": "Layer 1", "opacity": 255, "blendMode": "normal"}]
    assert [(t["name"], t["from"], t["to"], t["direction"]) for t in meta["frameTags"]] == [
        (*run, "forward") for run in album.runs
    ]
    w, h = album.size
    for frame, sprite, delay in zip(frames, album.rgba, album.durations, strict=True):
        assert frame["rotated"] is frame["trimmed"] is False and frame["duration"] == delay
        assert frame["spriteSourceSize"] == {"x": 0, "y": 0, "w": w, "h": h}
        assert frame["sourceSize"] == {"w": w, "h": h}
        np.testing.assert_array_equal(cut(sheet, *frame["frame"].values()), sprite)
    assert sheet.shape[1] == min(columns, len(album)) * w


def chunks_of(data: bytes) -> tuple[tuple, list[tuple[int, list[tuple[int, bytes]]]]]:
    """Of an .aseprite file frames, width, height, depth, transparent index and colours; and of each frame its delay and
    its chunks, as docs/ase-file-specs.md of Aseprite has them."""
    size, magic, *about = struct.unpack_from("<IHHHHH", data)
    assert size == len(data) and magic == 0xA5E0
    clear, colours = struct.unpack_from("<B3xH", data, 28)
    frames, at = [], 128
    for _ in range(about[0]):
        length, magic, few, delay, count = struct.unpack_from("<IHHH2xI", data, at)
        assert magic == 0xF1FA and few == count
        end, chunks, at = at + length, [], at + 16
        while at < end:
            length, kind = struct.unpack_from("<IH", data, at)
            chunks.append((kind, data[at + 6 : at + length]))
            at += length
        assert len(chunks) == count and at == end
        frames.append((delay, chunks))
    assert at == len(data)
    return (*about, clear, colours), frames


@quick
@given(albums(), st.booleans())
def test_aseprite_files_by_their_chunks(album, is_indexed):
    name = "aseprite-indexed" if is_indexed else "aseprite-rgba"
    (data,) = written(name, album, "walk.aseprite").values()
    (count, w, h, depth, clear, colours), frames = chunks_of(data)
    assert (count, (w, h), depth, clear) == (len(album), album.size, 8 if is_indexed else 32, 0)
    assert [delay for delay, _ in frames] == album.durations.tolist()
    first = dict(frames[0][1])
    assert Counter(kind for _, chunks in frames for kind, _ in chunks)[0x2005] == len(album)
    table = np.zeros((0, 4), np.uint8)
    if colours:
        size, start, end = struct.unpack_from("<III", first[0x2019])
        assert (size, start, end) == (colours, 0, colours - 1)
        entries = np.frombuffer(first[0x2019][20:], np.uint8).reshape(colours, 6)
        table = entries[:, 2:]
        assert not entries[:, :2].any() and (table[is_indexed:, 3] == 255).all()
    if is_indexed and album.palette is not None and keeps_to(album.sprites, album.palette).all():
        np.testing.assert_array_equal(table[1:, :3], album.palette)
    for sprite, (_, chunks) in zip(album.rgba, frames, strict=True):
        layer, x, y, opacity, kind, order, *size = struct.unpack_from("<HhhBHh5xHH", dict(chunks)[0x2005])
        assert (layer, x, y, opacity, kind, order, *size) == (0, 0, 0, 255, 2, 0, w, h)
        found = np.frombuffer(zlib.decompress(dict(chunks)[0x2005][20:]), np.uint8)
        shown = table[found].reshape(h, w, 4) if is_indexed else found.reshape(h, w, 4)
        np.testing.assert_array_equal(shown * (shown[..., 3:] > 0), sprite)
    tags, at = [], 10
    for _ in range(struct.unpack_from("<H", first[0x2018])[0]):
        start, end, direction, repeat, length = struct.unpack_from("<HHBH10xH", first[0x2018], at)
        assert direction == repeat == 0
        tags.append(Run(first[0x2018][at + 19 : at + 19 + length].decode(), start, end))
        at += 19 + length
    assert tags == list(album.runs) and at == len(first[0x2018])


@quick
@given(album=albums())
def test_aseprite_files_are_read_by_another_library(album):
    aseprite = pytest.importorskip("aseprite", reason="PyPI's aseprite needs Python 3.12")
    for name in ("aseprite", "aseprite-indexed", "aseprite-rgba"):
        found = aseprite.Sprite.from_bytes(*written(name, album, "walk.ase").values())
        assert found.size == album.size and [frame.duration_ms for frame in found.frames] == album.durations.tolist()
        assert [(tag.name, tag.from_frame, tag.to_frame) for tag in found.tags] == list(album.runs)
        for i, sprite in enumerate(album.rgba):
            shown = np.frombuffer(found.flatten(i), np.uint8).reshape(sprite.shape)
            np.testing.assert_array_equal(shown * (shown[..., 3:] > 0), sprite)


@quick
@given(albums(), st.booleans())
def test_tilesets_of_tiled(album, animated):
    album = album if animated else Album(album.sprites, album.names, album.runs)
    text, image = written("tiled", album, "a & b.tsx").values()
    root, sheet = ElementTree.fromstring(text), pixels(image)
    about = {key: int(root.attrib[key]) for key in ("tilewidth", "tileheight", "tilecount", "columns")}
    assert (about["tilewidth"], about["tileheight"], about["tilecount"]) == (*album.size, len(album))
    assert root.find("image").attrib == {
        "source": "a & b.png", "width": str(sheet.shape[1]), "height": str(sheet.shape[0])
    }  # fmt: skip
    w, h = album.size
    for i, sprite in enumerate(album.rgba):
        np.testing.assert_array_equal(cut(sheet, i % about["columns"] * w, i // about["columns"] * h, w, h), sprite)
    tiles = {int(tile.attrib["id"]): tile for tile in root.iter("tile")}
    assert {i: tile.attrib["type"] for i, tile in tiles.items()} == {
        i: run.name for run in album.runs for i in run.frames
    }
    for run in album.runs:
        frames = [(int(f.attrib["tileid"]), int(f.attrib["duration"])) for f in tiles[run.first].iter("frame")]
        wanted = [(i, album.durations[i]) for i in run.frames] if animated and len(run.frames) > 1 else []
        assert frames == wanted


def test_tilesets_are_read_by_pytiled_parser(tmp_path):
    pytiled_parser = pytest.importorskip("pytiled_parser")
    sprites = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 4), np.uint8)
    album = grouped(sprites, np.array([0, 0, 0, 1, 1]), ("walk", "idle")).timed(80)
    export("tiled", album, tmp_path / "hero.tsx", columns=3)
    (tmp_path / "map.tmx").write_text(
        '<map version="1.10" tiledversion="1.10" orientation="orthogonal" renderorder="right-down" width="2" '
        'height="1" tilewidth="8" tileheight="6" infinite="0" nextlayerid="2" nextobjectid="1">'
        '<tileset firstgid="1" source="hero.tsx"/>'
        '<layer id="1" name="a" width="2" height="1"><data encoding="csv">1,4</data></layer></map>'
    )
    found = pytiled_parser.parse_map(tmp_path / "map.tmx").tilesets[1]
    assert (found.name, found.tile_width, found.tile_height, found.tile_count, found.columns) == ("hero", 8, 6, 5, 3)
    assert found.image.name == "hero.png" and (found.image_width, found.image_height) == (24, 12)
    assert [found.tiles[i].class_ for i in range(5)] == ["walk"] * 3 + ["idle"] * 2
    assert [(frame.tile_id, frame.duration) for frame in found.tiles[3].animation] == [(3, 80), (4, 80)]


def godot(text: str) -> tuple[dict[str, str], dict[str, str], dict[str, list[float]], list[dict]]:
    """Attributes of the head and of the texture, regions by id, and animations of a .tres file."""
    sections = re.findall(r"^\[(\w+)([^\]\n]*)\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
    kinds = [kind for kind, _, _ in sections]
    count = len(kinds) - 3
    assert kinds == ["gd_resource", "ext_resource", *["sub_resource"] * count, "resource"]
    attributes = [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', said)) for _, said, _ in sections]
    regions = {}
    for about, (_, _, body) in zip(attributes[2:-1], sections[2:-1], strict=True):
        assert about["type"] == '"AtlasTexture"' and 'atlas = ExtResource("1")' in body
        regions[json.loads(about["id"])] = [float(x) for x in re.search(r"region = Rect2\((.*)\)", body)[1].split(",")]
    said = sections[-1][2].removeprefix("animations = ").replace('&"', '"')
    return attributes[0], attributes[1], regions, json.loads(re.sub(r"SubResource\((.*?)\)", r"\1", said))


@quick
@given(albums())
def test_sprite_frames_of_godot(album):
    text, image = written("godot", album, "walk.tres").values()
    head, texture, regions, animations = godot(text.decode())
    assert head == {"type": '"SpriteFrames"', "load_steps": str(len(album) + 2), "format": "3"}
    assert texture == {"type": '"Texture2D"', "path": '"walk.png"', "id": '"1"'}
    assert [animation["name"] for animation in animations] == [run.name for run in album.runs]
    sheet = pixels(image)
    for run, animation in zip(album.runs, animations, strict=True):
        assert animation["loop"] is True and len(animation["frames"]) == len(run.frames)
        for i, frame in zip(run.frames, animation["frames"], strict=True):
            np.testing.assert_array_equal(cut(sheet, *map(int, regions[frame["texture"]])), album.rgba[i])
            lasts = 1000 * frame["duration"] / animation["speed"]
            assert lasts == pytest.approx(album.durations[i], rel=1e-4) and frame["duration"] >= 1


def blocks_of(data: bytes) -> tuple[int, int, int]:
    """How many pictures a GIF holds, how many of them have a palette of their own, and where it ends."""
    at = 13 + (3 << (data[10] & 7) + 1)
    count = own = 0
    assert data[10] & 0x80
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            count, own = count + 1, own + bool(data[at + 9] & 0x80)
            at += 11
        else:
            assert data[at] == 0x21
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return count, own, at + 1


def over_time(image: Image.Image) -> list[bytes]:
    """What is seen in each hundredth of a second."""
    shown = []
    for i in range(getattr(image, "n_frames", 1)):
        image.seek(i)
        frame = np.asarray(image.convert("RGBA"))
        shown += [(frame * (frame[..., 3:] > 0)).tobytes()] * round(image.info.get("duration", 10) / 10)
    return shown


@quick
@given(albums())
def test_gifs_have_one_palette_and_every_frame(album):
    (data,) = written("gif", album, "walk.gif").values()
    assert blocks_of(data) == (len(album), 0, len(data)) and data.count(b"GIF89a") == 1
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == album.size and getattr(image, "n_frames", 1) == len(album) and image.info["loop"] == 0
        for i, sprite in enumerate(album.rgba):
            image.seek(i)
            shown = np.asarray(image.convert("RGBA"))
            np.testing.assert_array_equal(shown * (shown[..., 3:] > 0), sprite)
            assert image.info["duration"] == album.durations[i] and image.disposal_method == 2


@quick
@given(albums())
def test_apngs_show_the_same_at_each_moment(album):
    (data,) = written("apng", album, "walk.apng").values()
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG" and image.mode == "P"
        frames = over_time(image)
        wanted = [
            sprite.tobytes()
            for sprite, delay in zip(album.rgba, album.durations, strict=True)
            for _ in range(delay // 10)
        ]
        if len(set(wanted)) > 1:
            assert frames == wanted and image.info["loop"] == 0 and data.count(b"PLTE") == 1
        else:
            assert set(frames) == set(wanted)


@quick
@given(albums(), st.integers(1, 5), st.integers(1, 9))
def test_sheets_and_scales(album, scale, columns):
    large = album.enlarged(scale)
    w, h = large.size
    np.testing.assert_array_equal(large.sprites[:, ::scale, ::scale], album.sprites)
    assert (large.sprites.reshape(len(album), h // scale, scale, w // scale, scale, -1).std((2, 4)) == 0).all()
    (data,) = written("sheet", large, "walk.png", columns).values()
    sheet, columns = pixels(data), min(columns, len(album))
    for i, sprite in enumerate(large.rgba):
        np.testing.assert_array_equal(cut(sheet, i % columns * w, i // columns * h, w, h), sprite)
    assert not sheet.reshape(-1, h, columns, w, 4).swapaxes(1, 2).reshape(-1, h, w, 4)[len(album) :].any()


@pytest.mark.parametrize("channels", (3, 4))
def test_folders_of_pngs_are_read_back(tmp_path, channels):
    rng = np.random.default_rng(0)
    table = colours_of(rng.choice(2**24, 200, replace=False))
    sprites = np.full((7, 9, 9, channels), 255, np.uint8)
    sprites[..., :3] = table[rng.integers(0, 200, (7, 9, 9))]
    if channels == 4:
        sprites[:, 0] = 0
    album = grouped(sprites, np.array([1, 0, 1, 0, 1, 1, 2]), ("food", "hero", "spell"), palette=table)
    for name in ("png", "png-indexed"):
        files = export(name, album, tmp_path / name)
        assert len(files) == 7 and files[0] == tmp_path / name / "food" / "0000.png"
        found = load_sprites(tmp_path / name)
        assert found.categories == ("food", "hero", "spell") and found.labels.tolist() == [0, 0, 1, 1, 1, 1, 2]
        np.testing.assert_array_equal(found.images, sprites[[1, 3, 0, 2, 4, 5, 6]])
        assert {Image.open(file).mode for file in files} == (
            {"P"} if name == "png-indexed" else {"RGB" + "A" * (channels - 3)}
        )
    assert len({tuple(Image.open(file).getpalette()) for file in files}) == 1


@given(
    st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=256, unique=True), st.sampled_from(("gpl", "hex", "pal"))
)
@quick
def test_palettes_are_read_back(tmp_path_factory, colours, name):
    folder, palette = tmp_path_factory.mktemp("palettes"), colours_of(np.array(colours))
    (path,) = export(name, palette_only(palette), folder / f"a: b #c.{name}")
    np.testing.assert_array_equal(read_palette(path), palette)


def test_palettes_of_sprites_are_their_colours():
    sprites = np.zeros((2, 3, 3, 4), np.uint8)
    sprites[0, 0, 0], sprites[1, 2, 2], sprites[1, 1, 1] = (9, 8, 7, 255), (1, 2, 3, 255), (50, 50, 50, 0)
    (data,) = files_of("hex", Album(sprites, "ab"), Path("x.hex")).contents.values()
    assert data == b"010203\n090807\n"
    declared = Album(sprites, "ab", palette=np.array([(9, 8, 7), (0, 0, 0), (1, 2, 3)], np.uint8))
    (data,) = files_of("hex", declared, Path("x.hex")).contents.values()
    assert data == b"090807\n000000\n010203\n"


def test_what_a_format_cannot_hold_is_refused():
    many = colours_of(np.arange(300)).reshape(1, 15, 20, 3)
    album = Album(many, ["a"])
    for name in ("gif", "aseprite-indexed"):
        with pytest.raises(ValueError, match=r"300 colours, .* 255 beside transparent; --palette 255"):
            files_of(name, album, Path("x"))
    with pytest.raises(ValueError, match="300 colours"):
        files_of("png-indexed", album, Path("x"))
    with pytest.raises(ValueError, match=r"more than 256 colours, .* --palette 64"):
        files_of("gpl", album, Path("x.gpl"))
    with pytest.raises(ValueError, match="no colours for a palette"):
        files_of("hex", Album(np.zeros((1, 2, 2, 4), np.uint8), ["a"]), Path("x.hex"))
    soft = np.full((1, 2, 2, 4), 100, np.uint8)
    soft[0, 0, 0, 3] = 200
    gif = files_of("gif", Album(soft, ["a"]), Path("x.gif"))
    assert gif.told.endswith("; its soft alpha made hard")
    alpha = np.asarray(Image.open(io.BytesIO(gif.contents["x.gif"])).convert("RGBA"))[..., 3]
    assert alpha.tolist() == [[255, 0], [0, 0]]
    for name in ("aseprite", "apng"):  # which have another way to hold both
        for held in (album, Album(soft, ["a"])):
            assert "RGBA" in files_of(name, held, Path("x")).told
    with pytest.raises(ValueError, match="no sprites, only a palette"):
        files_of("sheet", palette_only(many[0, 0]), Path("x.png"))
    with pytest.raises(ValueError, match="inside the folder"):
        files_of("png", Album(many, ["../a"]), Path("x"))
    for name in ("gif", "aseprite"):
        with pytest.raises(ValueError, match="65536x1 pixels, where such a file has 65,535 a side"):
            files_of(name, Album(np.zeros((1, 1, 65_536, 3), np.uint8), ["a"]), Path("x"))
    with pytest.raises(ValueError, match="65,535 frames"):
        files_of("aseprite", Album(np.zeros((65_536, 1, 1, 3), np.uint8), [*map(str, range(65_536))]), Path("x.ase"))


@pytest.mark.parametrize(
    ("sprites", "names", "runs", "said"),
    [
        (np.zeros((2, 3, 3, 4)), "ab", (), "expected uint8"),
        (np.zeros((2, 3, 3), np.uint8), "ab", (), "expected uint8"),
        (np.zeros((2, 3, 3, 4), np.uint8), "aa", (), "a different one for each of 2"),
        (np.zeros((2, 3, 3, 4), np.uint8), "ab", (Run("x", 1, 2),), "'x' is of frames 1 to 2, and there are 2"),
        (np.zeros((2, 3, 3, 4), np.uint8), "a\n", (), "can be printed"),
        (np.zeros((2, 3, 3, 4), np.uint8), "ab", (Run("\udcff", 0, 0),), "can be printed"),
        (np.zeros((2, 3, 3, 4), np.uint8), "ab", (Run("x", 0, 0), Run("x", 1, 1)), "2 frame tags are called 'x'"),
    ],
)
def test_albums_that_cannot_be_are_refused(sprites, names, runs, said):
    with pytest.raises(ValueError, match=said):
        Album(sprites, names, runs)


def test_the_suffix_tells_the_format():
    told = {"x.png": "sheet", "x.JSON": "json-hash", "x.ase": "aseprite", "x.tres": "godot", "x.apng": "apng"}
    assert {name: format_of(Path(name)) for name in told} == told
    with pytest.raises(ValueError, match=r"no format has the suffix '.bmp'; expected one of .png"):
        format_of(Path("x.bmp"))


def test_a_run_of_few_frames_has_a_row_of_its_own():
    sprites = np.zeros((12, 4, 4, 4), np.uint8)
    for counts, columns in (((4, 4, 4), 4), ((6, 6), 6), ((3, 9), 4), ((12,), 12)):
        album = grouped(sprites, np.repeat(np.arange(len(counts)), counts), [*map(str, range(len(counts)))])
        (data,) = files_of("sheet", album, Path("x.png")).contents.values()
        assert pixels(data).shape[1] == 4 * columns
