"""Files of game engines, each beside the sheet that it names: a Tiled tileset, and Godot's SpriteFrames."""

from pathlib import PurePath
from xml.etree import ElementTree

from sprites.export.album import Album, Files, Run
from sprites.export.sheets import sheet_of
from sprites.files import plural


def write_tiled(album: Album, name: str, columns: int | None) -> Files:
    """A tileset of Tiled (doc.mapeditor.org, "TMX Map Format"). The class of a tile is its run; where frames have
    durations, the first tile of a run is animated."""
    sheet, image = sheet_of(album, columns), PurePath(name).with_suffix(".png").name
    (w, h), (width, height), delays = album.size, sheet.size, album.delays
    about = {"name": PurePath(name).stem, "tilewidth": w, "tileheight": h, "tilecount": len(album)}
    root = ElementTree.Element("tileset", texts({"version": "1.10"} | about | {"columns": sheet.columns}))
    ElementTree.SubElement(root, "image", texts({"source": image, "width": width, "height": height}))
    for run in album.runs:
        for index in run.frames:
            tile = ElementTree.SubElement(root, "tile", texts({"id": index, "type": run.name}))
            if index == run.first and len(run.frames) > 1 and album.durations is not None:
                animation = ElementTree.SubElement(tile, "animation")
                for i in run.frames:
                    ElementTree.SubElement(animation, "frame", texts({"tileid": i, "duration": delays[i]}))
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, "unicode")
    tsx = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
    return Files({name: tsx, image: sheet.file}, f"tileset of {sheet.told}")


def texts(values: dict[str, object]) -> dict[str, str]:
    """Attributes of XML."""
    return {key: str(value) for key, value in values.items()}


def write_godot(album: Album, name: str, columns: int | None) -> Files:
    """SpriteFrames of Godot 4: each run an animation that loops, each frame a region of the sheet.

    The text format is that of docs.godotengine.org, "TSCN file format". The path of the sheet has no res://, so Godot
    takes it from the folder of this file.
    """
    sheet, image = sheet_of(album, columns), PurePath(name).with_suffix(".png").name
    delays = album.delays
    runs = album.runs or (Run("default", 0, len(album) - 1),)
    used = sorted({index for run in runs for index in run.frames})
    parts = [
        f'[gd_resource type="SpriteFrames" load_steps={len(used) + 2} format=3]',
        f'[ext_resource type="Texture2D" path={quoted(image)} id="1"]',
    ]
    for index in used:
        region = ", ".join(map(str, sheet.cells[index]))
        parts.append(
            f'[sub_resource type="AtlasTexture" id="frame_{index}"]\natlas = ExtResource("1")\nregion = Rect2({region})'
        )
    animations = ", ".join(animation(run, delays) for run in runs)
    parts.append(f"[resource]\nanimations = [{animations}]")
    return Files(
        {name: ("\n\n".join(parts) + "\n").encode(), image: sheet.file},
        f"{plural(len(runs), 'animation')}; {sheet.told}",
    )


def animation(run: Run, delays: list[int]) -> str:
    """One animation. A frame lasts its `duration` in units of 1 / `speed` seconds; the shortest lasts one."""
    unit = min(delays[i] for i in run.frames)
    frames = [f'{{\n"duration": {delays[i] / unit:.6},\n"texture": SubResource("frame_{i}")\n}}' for i in run.frames]
    said = f'"loop": true,\n"name": &{quoted(run.name)},\n"speed": {1000 / unit:.6}'
    return f'{{\n"frames": [{", ".join(frames)}],\n{said}\n}}'


def quoted(words: str) -> str:
    """A String of Godot."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'
