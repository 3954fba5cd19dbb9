"""Sample walks and other cycles from a model of clips: from tags, or from your own still or first frames.

    python scripts/animate.py --tags "kind=wolf facing=left" --count 8 --out wolves.gif
    python scripts/animate.py walks --image hero.png --out walk.gif
    python scripts/animate.py walks --image sheet.png --frames 8 --out walk.png
    python scripts/animate.py walks --tags "kind=knight facing=left" --count 1 --export knight.aseprite knight.tres

What is written at --out is for the eye: enlarged, all clips side by side. Files of --export are for engines.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.exports import Exporting, check_export, check_exports, save_album, tell
from ddpm.commands.shared.flags import check_count, parse_guidance
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.console import progress, warn
from ddpm.system.devices import DeviceName
from ddpm.system.outputs import check_is_sprite, write_all
from ddpm.system.processes import interruptible
from sprites.export.album import DELAY, MOST_DELAY
from sprites.reading.image import Fit

if TYPE_CHECKING:
    import numpy as np

    from ddpm.animation import Animator
    from ddpm.context.condition import Condition
    from ddpm.runs.models import Model
    from ddpm.runs.spec import ModelSpec

AT_ONCE = 32  # clips sampled between two looks whether to stop
ENLARGED = 4  # pixels of an animation for one of a sprite; 8 where there is only one clip


@dataclass(frozen=True)
class Arguments(Exporting):
    model: tyro.conf.Positional[Path] = Path("walks")
    """A model of clips: a run folder, a .safetensors file, or walks, which comes along and is taken if it is left
    out."""
    image: Path | None = None
    """Begin with this: a still, or several frames, as a strip of square tiles or an animation. They stay as they are,
    to the bit. It should show what the model saw moving; walks knows people and beasts in profile."""
    frames: int | None = None
    """Frames of a clip, the given ones among them; left out, as many whole cycles as give at least one new frame."""
    start: int | None = None
    """Which step of its cycle the first frame is, counted from 0; left out, 0, and with --image the one that the model
    finds likeliest."""
    categories: tuple[str, ...] = ()
    """What is to move, a row each: see sample.py. Left out, with --tags and --image too: the categories that the model
    saw moving."""
    tags: tuple[str, ...] = ()
    """The same, of a model with tags: "kind=wolf facing=left"."""
    negative: Annotated[str | None, tyro.conf.arg(aliases=("--not",))] = None
    """A category, mixture or tags to guide away from."""
    guidance: tuple[str, ...] = ("2",)
    """The guidance scale, or one for each facet of the tags. Without --history, frames that have seen others take 1
    where it is larger, since those tell them what to show."""
    first: Path | None = None
    """The model of stills that draws the very first frame, which has seen no others; left out, one that comes along and
    knows the same categories, tags and colours, or else the model itself. The name of that has it do so, too."""
    lead: int | None = None
    """Frames that are sampled before the first shown, for it to see, and left out; left out, 2, or 1 after one of a
    model of stills, and none with --image."""
    history: float | None = None
    """Guidance scale over the frames before; left out, the network sees them in all that guidance mixes."""
    count: int = 8
    """Clips of each row, from different noise."""
    fit: Fit | None = None
    """How an image of another size is brought to that of the model."""
    milliseconds: int = DELAY
    """How long a frame is shown."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    out: Path = Path("walks.gif")
    """An animation (.gif, .apng), or a picture with the frames across (.png)."""
    export: tyro.conf.UseAppendAction[tuple[tuple[Path, ...], ...]] = ()
    """Also write files that engines and art programs open, each in the format of its suffix, as export.py does:
    --export walk.aseprite walk.json. Each clip is a frame tag."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace --out and --export."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        scales, _ = parse_guidance(self.guidance)
        if len(scales) > 1:
            raise ValueError(f"--guidance {' '.join(self.guidance)}: an animation has one scale, or one for each facet")
        check_count("--count", self.count)
        check_count("--milliseconds", self.milliseconds, MOST_DELAY)
        if self.frames is not None:
            check_count("--frames", self.frames, 1024)
        if self.lead is not None and (self.image or not 0 <= self.lead <= 1024):
            why = "before given frames there are none" if self.image else "expected 0 to 1,024"
            raise ValueError(f"--lead {self.lead}: {why}")
        if self.first and self.image:
            raise ValueError(f"--first {self.first}: the first frame is that of --image; leave one of them out")
        if self.out.suffix.lower() not in (".gif", ".apng", ".png"):
            raise ValueError(f"--out {self.out} must end in .gif or .apng, which move, or in .png, frames across")
        check_export("--out", self.out, self.overwrite)
        check_exports("--export", self.exports, (self.out,), self.overwrite)


def rows_of(args: Arguments, spec: "ModelSpec") -> tuple[Sequence[str], "Condition"]:
    """Names and conditions of the rows: what is asked for, or what moves; with an image, anything."""
    import torch

    from ddpm.commands.shared.requests import asked, check_form, named
    from ddpm.context.condition import Condition

    _, by_facet = parse_guidance(args.guidance)
    check_form(args.sampling.form, by_facet)
    categories = args.categories
    rows: Sequence[str]
    if args.image and not (categories or args.tags or by_facet):
        rows, condition = [args.image.stem], Condition.of(torch.zeros(1, spec.places))
    else:
        if not categories and not args.tags:
            categories = spec.moving
        rows, condition = asked(spec, categories, args.tags, by_facet)
    for context, row in zip(condition.contexts.amax(1), rows, strict=True):
        if still := spec.never_moved(context):
            warn(f"{row}: the model saw no clips of {' '.join(still)}; it may hardly move, or change as it does")
    if (condition.contexts[..., ~spec.lasting] != 0).any():
        warn(f"{' and '.join(spec.varying)} cannot be asked for: the place in the cycle tells it; see --start")
    return rows, condition.away_from(None if args.negative is None else named(spec, args.negative))


def stills_for(args: Arguments, spec: "ModelSpec") -> "Model | None":
    """The model that draws the very first frame, if it is not the model of clips itself."""
    from ddpm.animation import check_stills
    from ddpm.runs.models import built, file_of, load_model, pretrained, spec_of
    from ddpm.runs.tensor_files import read_safetensors

    if args.image or args.first == args.model:
        return None
    if args.first:
        return load_model(args.first)
    for name in pretrained():
        with suppress(ValueError):  # of others not the weights are read
            found = read_safetensors(file_of(name), lambda _, about: check_stills(spec, spec_of(about)))
            print(f"first frames are drawn by {name}; --first {args.model} has {args.model} draw them")
            return built(*found)
    return None


def given_frames(args: Arguments, animator: "Animator") -> tuple["np.ndarray", "np.ndarray"]:
    """The frames of --image, uint8 [G, H, W, C], as they are, and as the model takes them; none without."""
    import numpy as np

    from sprites.originals import frames_of

    spec = animator.spec
    if args.image is None:
        none = np.empty((0, spec.size, spec.size, spec.channels), np.uint8)
        return none, none
    check_is_sprite(args.image)
    return frames_of(args.image, spec.size, spec.channels, args.fit, animator.sampler.pixel_art.palette)


def sampled(
    args: Arguments, animator: "Animator", condition: "Condition", given: "np.ndarray", caught: list[int]
) -> "np.ndarray":
    """Clips uint8 [n, F, H, W, C] that begin with the given frames [G, H, W, C], `count` of each row; fewer if a signal
    was caught."""
    import numpy as np
    import torch

    from ddpm.data.tensors import to_tensor, to_uint8

    cycle, G = animator.spec.model.frames, len(given)
    (scale, *_), _ = parse_guidance(args.guidance)
    frames = args.frames or cycle * (G // cycle + 1)
    if frames <= G:
        raise ValueError(f"{args.image} has {G} frames already; give more by --frames, such as {G + cycle}")
    every = condition.repeated(args.count)
    first, start = to_tensor(given).expand(len(every), -1, -1, -1, -1), torch.full((len(every),), args.start or 0)
    if G and args.start is None:
        start = animator.phase(first[:: args.count], condition).repeat_interleave(args.count)
        print(f"{args.image} is taken for step {int(start[0])} of {cycle}, counted from 0; --start says otherwise")
    done = []
    with progress(total=len(every) * frames, desc="animating", unit="frame") as bar:
        how = {"history": args.history, "lead": args.lead, "on_frames": bar.update}
        for part in torch.arange(len(every)).split(AT_ONCE):
            indices = [i % args.count for i in part.tolist()]
            x = animator(every[part], scale, indices, frames, given=first[part], start=start[part], **how)
            done.append(to_uint8(x))
            if caught:
                break
    return np.concatenate(done)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.animation import Animator
    from ddpm.runs.models import load_model
    from ddpm.show.clips import album_of, moving, strip
    from ddpm.show.grids import save_picture
    from ddpm.system.devices import pick_device
    from sprites.export.album import Album
    from sprites.files import plural
    from sprites.originals import coloured_like

    device = pick_device(args.device)
    model, spec = load_model(args.model)
    animator = Animator(model.to(device), spec, args.sampling, stills_for(args, spec))
    rows, condition = rows_of(args, spec)
    exact, plain = given_frames(args, animator)
    with interruptible("stopping after these clips; once more to leave at once") as caught:
        clips = sampled(args, animator, condition, plain, caught)
    if args.image:
        clips = coloured_like(clips, plain, exact)
    asked = len(rows) * args.count
    names = [f"{row} {i + 1}" if args.count > 1 else row for row in rows for i in range(args.count)][: len(clips)]
    palette = None if args.image else animator.sampler.pixel_art.palette
    if len(clips) < asked:
        print(f"stopped after {len(clips)} of {plural(asked, 'clip')}")

    def save_out(path: Path) -> str:
        if path.suffix.lower() == ".png":
            save_picture(path, strip(clips, names, len(exact)))
            return f"{path}: {plural(len(clips), 'clip')} of {plural(clips.shape[1], 'frame')}"
        frames = moving(clips, None if len(rows) == 1 else args.count)
        album = Album(frames, [f"frame {i}" for i in range(len(frames))], palette=palette).timed(args.milliseconds)
        return save_album(album.enlarged(2 * ENLARGED if len(clips) == 1 else ENLARGED), path)

    album = album_of(clips, names, args.milliseconds, palette)
    exports = (partial(tell, partial(save_album, album), path) for path in args.exports)
    write_all(partial(tell, save_out, args.out), *exports)
    return 128 + max(caught) if caught and len(clips) < asked else 0
