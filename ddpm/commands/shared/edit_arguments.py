"""The command line of edit.py, checked as far as it can be without the model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ddpm.commands.shared.exports import Exporting, check_exports
from ddpm.commands.shared.flags import check_count, check_file, check_new_folder, parse_guidance
from ddpm.config import Sampling
from ddpm.system.devices import DeviceName
from sprites.reading.folder import SUFFIXES
from sprites.reading.image import Fit


@dataclass(frozen=True)
class Arguments(Exporting):
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along: shipped,
    shipped/student or walks."""
    images: tyro.conf.Positional[tuple[Path, ...]] = ()
    """PNG, GIF, WebP or BMP files."""
    strength: tuple[float, ...] = ()
    """How much is changed, from 0, nothing, to 1, everything; several make a column each. Left out, 0.5, 1 within a
    mask, and 0.6 along edges that are to fit."""
    mask: Path | None = None
    """An image as large as the sprite: where it is white, or opaque on transparent, it is painted anew. All else stays
    as it is, to the bit."""
    between: int | None = None
    """So many sprites between two images, or without images between two --categories or --tags."""
    tile: tuple[Literal["across", "down"], ...] | None = None
    """Make opposite edges fit, so that it can be laid side by side, or only one above the other (down) or beside the
    other (across). Without --strength and --mask, a frame along these edges is painted anew."""
    recolour: Path | None = None
    """Give it the colours of this palette (.hex, .gpl, .pal, .png), area by area; nothing is sampled."""
    categories: tuple[str, ...] = ()
    """What it is to be: see sample.py. Left out, with --tags too: anything."""
    tags: tuple[str, ...] = ()
    """What it is to be, of a model with tags: "kind=knight colour=red"."""
    negative: Annotated[str | None, tyro.conf.arg(aliases=("--not",))] = None
    """A category, mixture or tags to guide away from."""
    guidance: tuple[str, ...] = ()
    """Guidance scales, a column each, or a scale for each facet. Left out, 2, and 1 between two images."""
    count: int = 4
    """Sprites of each image and column, from different noise."""
    fit: Fit | None = None
    """How an image of another size is brought to that of the model."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    weak: Path | None = None
    """The worse network that the form auto guides away from."""
    like: Path | None = None
    """A picture that edit.py wrote: its settings are taken, the mask among them, where the command line names no
    others. Model and images are given again."""
    out: Path = Path("edit.png")
    """The picture grid."""
    npz: Path | None = None
    """Also write arrays: sprites uint8 [N, H, W, C], labels int64 [N], guidance float32 [N]."""
    png_folder: Path | None = None
    """Also write each sprite as a PNG file into this new or empty folder."""
    export: tyro.conf.UseAppendAction[tuple[tuple[Path, ...], ...]] = ()
    """Also write files that engines and art programs open, each in the format of its suffix, as export.py does:
    --export hero.png hero.aseprite. Each row of the grid is a frame tag."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace --npz, --export and a picture at --out that this project did not make, if they are there."""
    device: DeviceName = "auto"

    @property
    def ways(self) -> tuple[bool, bool]:
        """Whether it is to repeat across, and down."""
        ways = self.tile or ("across", "down")
        return "across" in ways, "down" in ways

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        parse_guidance(self.guidance or ("2",))
        for strength in self.strength:
            if not 0 <= strength <= 1:
                raise ValueError(f"--strength is from 0, which changes nothing, to 1, got {strength:g}")
        check_count("--count", self.count)
        check_file("--out", self.out, ".png")
        check_file("--npz", self.npz, ".npz")
        check_new_folder("--png-folder", self.png_folder)
        check_exports("--export", self.exports, (self.out, self.npz, self.png_folder), self.overwrite)
        for flag, path in [("--out", self.out), ("--npz", self.npz), *(("--export", path) for path in self.exports)]:
            if path and path.absolute() in [image.absolute() for image in (*self.images, self.mask) if image]:
                raise ValueError(f"{flag} {path} is an image that is edited; choose another name")
        self.check_kind()

    def check_kind(self) -> None:
        """Refuse flags that do not go together."""
        kinds = {
            "--between": self.between is not None,
            "--recolour": bool(self.recolour),
            "--tile": self.tile is not None,
        }
        if sum(kinds.values()) > 1:
            raise ValueError(f"{' and '.join(k for k, so in kinds.items() if so)} are edits of their own; give one")
        others = {"--strength": self.strength, "--mask": self.mask}
        extra = [flag for flag, value in others.items() if value]
        if (self.between is not None or self.recolour) and extra:
            raise ValueError(f"{extra[0]} does not go with {'--recolour' if self.recolour else '--between'}")
        if self.between is None:
            if not self.images:
                is_image = self.model.suffix.lower() in SUFFIXES
                meant = f"{self.model} stands where the model does: write shipped {self.model}" if is_image else ""
                raise ValueError(f"no image is given; {meant or 'name one or more after the model'}")
            return
        check_count("--between", self.between, 1000)
        requests = len(self.categories) + len(self.tags)
        if len(self.images) not in (0, 2) or requests > 2 or (not self.images and requests != 2):
            raise ValueError(
                "--between needs two images, with at most two --categories or --tags for them, or no image and two of "
                f"these; got {len(self.images)} of the first and {requests} of the others"
            )
        if self.sampling.sampler not in ("auto", "ddim"):
            raise ValueError(f"--between goes along the sampler ddim, got {self.sampling.sampler}; leave --sampler out")
