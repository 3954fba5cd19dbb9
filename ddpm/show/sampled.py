"""What sample.py and edit.py write: a picture grid, arrays, PNG files; and what of it may be replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddpm.runs.folder import run_of, trained_with
from ddpm.runs.spec import ModelSpec
from ddpm.show.grids import MOST_PIXELS, labelled_grid, left_out, save_picture
from ddpm.system.console import warn
from ddpm.system.memory import check_fits
from ddpm.system.outputs import SOFTWARE, check_apart, is_sampled, written_aside
from sprites.export.album import Album, grouped
from sprites.files import plural
from sprites.writing.png import check_png_names, save_pngs


def check_places(
    model: Path, out: Path, npz: Path | None, png_folder: Path | None, overwrite: bool, exports: Sequence[Path] = ()
) -> None:
    """Raise ValueError for files that are there, unless they are to be replaced or are pictures like these; and
    for places among the sprites that the model was trained on, or in one another."""
    files = {"--out": out, "--npz": npz}
    data = data_of_run(model)
    for flag, path in [*files.items(), ("--png-folder", png_folder), *(("--export", path) for path in exports)]:
        if path and data:
            check_apart(flag, path, data)
    for flag, path in files.items():
        if path and png_folder and png_folder.absolute() in (path.absolute(), *path.absolute().parents):
            raise ValueError(f"{flag} {path} lies in --png-folder {png_folder}, which is to be of the PNG files alone")
        if path and path.exists() and not overwrite and not is_sampled(path):
            raise ValueError(f"{flag} {path} is there already: name another, or add --overwrite to replace it")


def data_of_run(model: Path) -> Path | None:
    """The folder of sprites that a model was trained on, if its run tells."""
    try:
        return trained_with(model).data if (run_of(model) / "config.toml").exists() else None
    except ValueError as e:
        warn(f"{e}; so it is not known which folder of sprites to keep away from")
        return None


def check_memory(spec: ModelSpec, count: int, processes: int, with_names: bool) -> None:
    """Raise ValueError for more sprites than there is memory for, in as many processes. with_names: they get files."""
    each = spec.size**2 * spec.channels + 12 + 300 * with_names  # a label and a scale; a name and its path
    needed = processes * count * each + 12 * MOST_PIXELS  # the picture, and its tiles on their way
    what = f"{plural(count, 'sprite')} of {spec.size}x{spec.size}x{spec.channels}"
    check_fits(what, needed, "take fewer rows, scales or sprites at a time; another --seed gives others")


def png_names(rows: Sequence[str], columns: Sequence[str], count: int) -> list[str]:
    """Names of files, without .png, in the order of sprites. Raises ValueError for rows that cannot be names."""
    names = [f"{row}/{column}_{i:04d}" for row in rows for column in columns for i in range(count)]
    check_png_names(names)
    return names


def scale_stems(scales: Sequence[float]) -> list[str]:
    """Names of guidance scales in those of files."""
    return [f"s{s:g}" for s in scales]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Sprites of R rows, S guidance scales and N in each cell, not all of which need be done. Each `save_...` returns a
    line that tells what was written."""

    pixels: np.ndarray  # uint8 [R, S, N, H, W, C]
    done: np.ndarray  # bool [R, S, N]
    rows: Sequence[str]
    columns: Sequence[str]  # names of the scales
    labels: np.ndarray  # int64 [R]
    scales: Sequence[float]
    settings: Mapping[str, Any]  # by their names as flags
    palette: np.ndarray | None = None  # uint8 [P, 3], of PNG files of indices; None: they are RGB or RGBA
    stems: Sequence[str] = ()  # names of the scales in those of files; left out, as "s1.5"
    images: int = 0  # how many columns, the first ones, are no samples
    tags: np.ndarray | None = None  # str [R, S, N]: all tags of which the network was told

    def of_done(self, values: np.ndarray) -> np.ndarray:
        """Of values for each sprite, [R, S, N, ...] or what is broadcast to that, those of sprites that are done."""
        values = np.broadcast_to(values, self.done.shape + values.shape[3:])
        return values.reshape(-1, *values.shape[3:]) if self.done.all() else values[self.done]

    def after(self, name: str, before: np.ndarray) -> "Sampled":
        """The same with a first column for the picture: of each row one image, uint8 [R, H, W, C]."""
        first = np.zeros_like(self.pixels[:, :1])
        first[:, 0, 0] = before
        done = np.zeros_like(self.done[:, :1])
        done[:, 0, 0] = True
        pixels, done = np.concatenate([first, self.pixels], 1), np.concatenate([done, self.done], 1)
        return replace(self, pixels=pixels, done=done, columns=[name, *self.columns], images=1)

    def side_by_side(self) -> "Sampled":
        """The same with every sprite beside and above itself, to see how its edges fit."""
        return replace(self, pixels=np.tile(self.pixels, (1, 1, 1, 2, 2, 1)))

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """`pixels` and `done` for a picture: in each cell the sprites that are done come first, and no cell is larger
        than the fullest needs."""
        if self.done.all():
            return self.pixels, self.done
        order = np.argsort(~self.done, axis=2, kind="stable")[:, :, : self.done.sum(2).max()]
        pixels = np.take_along_axis(self.pixels, order[..., None, None, None], 2)
        return pixels, np.take_along_axis(self.done, order, 2)

    def album(self, palette: np.ndarray | None) -> Album:
        """The sprites that are done, to be exported: a frame tag for each row. palette: uint8 [P, 3], or None."""
        labels = self.of_done(np.arange(len(self.rows))[:, None, None])
        return grouped(self.of_done(self.pixels), labels, self.rows, self.names(), palette)

    def names(self) -> list[str]:
        """Of the files of sprites that are done."""
        stems = self.stems or scale_stems(self.scales)
        names = np.array(png_names(self.rows, stems, self.done.shape[2]), object).reshape(self.done.shape)
        return self.of_done(names).tolist()

    def save_grid(self, path: Path) -> str:
        """Write the picture, with the settings as texts in it."""
        pixels, done = self.cells()
        R, S, N = done.shape
        picture = labelled_grid(pixels, self.rows, self.columns, done=done)
        save_picture(path, picture, {"Software": SOFTWARE} | {k: str(v) for k, v in self.settings.items()})
        how, told = self.settings, ""
        if "seed" in how:
            told = f", seed {how['seed']}, {how['form']}, {how['sampler']}, {plural(how['steps'], 'step')}"
        few = left_out(pixels.shape)
        shown = f"\n{path} shows {few}; --npz and --png-folder take all" if few else ""
        up_to = "" if done[:, self.images :].all() else "up to "
        what = f"{plural(R, 'row')} x {plural(S - self.images, 'column')} x {up_to}{plural(N, 'sprite')}"
        return f"{path}: {what}{told}{shown}"

    def save_npz(self, path: Path) -> str:
        """Write the arrays sprites uint8 [n, H, W, C], labels int64 [n], guidance float32 [n], row int64 [n], if there
        are any tags [n], and rows [R], the names of the rows."""
        labels, scales = self.labels[:, None, None], np.array(self.scales, np.float32)[:, None]
        values = {"sprites": self.pixels, "labels": labels, "guidance": scales}
        values["row"] = np.arange(len(self.rows))[:, None, None]
        values |= {} if self.tags is None else {"tags": self.tags}
        arrays = {name: self.of_done(array) for name, array in values.items()}
        with written_aside(path) as aside, open(aside, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, rows=np.array(self.rows), **arrays)
        n, height, width, channels = arrays["sprites"].shape
        return f"{path}: {plural(n, 'sprite')} {height}x{width}x{channels}"

    def save_pngs(self, folder: Path) -> str:
        """Write each sprite as a file of a new folder."""
        with written_aside(folder) as aside:
            save_pngs(aside, self.of_done(self.pixels), self.names(), self.palette)
        return f"{folder}: {plural(int(self.done.sum()), 'PNG file')}"
