"""Change sprites: vary them, paint a part anew, go from one to another, make them tile, or recolour them.

    python scripts/edit.py shipped hero.png --strength 0.8 --tags "kind=knight colour=red"
    python scripts/edit.py shipped hero.png --mask mask.png --tags "accessory=sword"
    python scripts/edit.py shipped sketch.png --strength 0.7 --categories spell
    python scripts/edit.py shipped a.png b.png --between 8
    python scripts/edit.py shipped --between 8 --tags "kind=knight" "kind=wizard"
    python scripts/edit.py shipped grass.png --tile
    python scripts/edit.py shipped hero.png --recolour palette.hex

Rows are images, and what is asked of them; columns strengths and guidance scales, after the image itself.
"""

import re
import shlex
from typing import TYPE_CHECKING

from ddpm.commands.shared.edit_arguments import Arguments
from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.exports import save_sampled
from ddpm.commands.shared.parsing import ARGUMENTS, parse, words_of
from ddpm.system.processes import interruptible

if TYPE_CHECKING:
    from ddpm.commands.shared.edits import Edited


def settings(args: Arguments, edited: "Edited") -> dict[str, object]:
    """What stands in the picture: the model and the images, and all else as words for --like."""
    apart = ("like", "out", "npz", "png_folder", "export", "overwrite", "device")
    about: dict[str, object] = {"model": args.model, "images": " ".join(map(str, args.images)) or "none"}
    if edited.sampling:
        about |= {name: value for name, value in vars(edited.sampling).items() if value is not None}
    return about | {ARGUMENTS: shlex.join(words_of(args, apart))}


def save(args: Arguments, edited: "Edited") -> None:
    """Write the picture, and if asked arrays and files; tell of each."""
    from ddpm.show.sampled import Sampled

    about, stems = settings(args, edited), [re.sub(r"[^\w.-]+", "_", column) for column in edited.columns]
    made = (edited.pixels, edited.done, edited.rows, edited.columns, edited.labels, edited.scales)
    found = Sampled(*made, about, stems=stems)
    pictured = found if edited.before is None else found.after("image", edited.before)
    if args.tile is not None:
        pictured = pictured.side_by_side()
    save_sampled(args, found, pictured, None)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.commands.shared import edits
    from ddpm.network.wrapping import wrapped
    from ddpm.runs.models import load_model
    from ddpm.show.sampled import check_places
    from ddpm.system.devices import pick_device

    device = pick_device(args.device)
    model, spec = load_model(args.model)
    check_places(args.model, args.out, args.npz, args.png_folder, args.overwrite, args.exports)
    if args.tile is not None:
        model = wrapped(model, spec.size, *args.ways)
    model.to(device)
    with interruptible("stopping after this batch; once more to leave at once") as caught:
        edited = edits.made(args, model, spec, caught)
        save(args, edited)
    return 128 + max(caught) if caught and not edited.done.all() else 0
