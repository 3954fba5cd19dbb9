"""A model for the page: its networks as ONNX files, pictures of its tags, and all else that `model.json` tells."""

import io
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ddpm.animation import FOLLOWING_SCALE, Animator
from ddpm.config import Sampling
from ddpm.context.condition import Condition
from ddpm.data.pixel_art import ORPHAN_PRICE
from ddpm.data.tensors import to_uint8
from ddpm.diffusion.samplers import SAMPLERS, tables
from ddpm.network.unet import ContextUNet
from ddpm.runs.models import Model
from ddpm.runs.onnx_files import onnx_denoiser, to_onnx
from ddpm.runs.onnx_frames import ExportedFrame, frames_to_onnx, onnx_frames
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler
from ddpm.system.console import progress
from sprites.colour import with_alpha
from sprites.writing.sheets import side_by_side

PICTURES = "pictures.png"
SCALES = (0.0, 4.0)  # the guidance scales that the page offers of a teacher
PICTURE_SCALE, COLUMNS = 3.0, 24  # of the pictures of the tags
CHECKED = 4  # sprites a category by which a network and its file are compared


def way(sampler: Sampler, timesteps: Tensor) -> dict[str, Any]:
    """The way that a sampler goes along these timesteps, int64 [S]."""
    alpha, sigma = tables(timesteps, sampler.schedule, torch.zeros(1))
    return {
        "timesteps": timesteps.tolist(),
        "alpha": alpha.flatten().tolist(),
        "sigma": sigma.flatten().tolist(),
        "guides": sampler.guide.guided(timesteps).tolist(),
        **getattr(SAMPLERS[sampler.sampling.sampler], "keywords", {}),
    }


def described(network: ModelSpec, file: str, data: bytes) -> dict[str, Any]:
    """What the page needs to know of a network: its file, and the way that its sampler goes."""
    student = network.student
    sampler = Sampler(network.build(), network)
    return {
        "file": file,
        "bytes": len(data),
        "guided": student is not None,
        "scales": student.scales if student else SCALES,
        "way": way(sampler, sampler.timesteps),
        "colourPrice": sampler.pixel_art.price,
    }


def about(name: str, spec: ModelSpec) -> dict[str, Any]:
    """What the page needs to know of a model, whichever its networks."""
    style = spec.style
    return {
        "name": name,
        "size": spec.size,
        "channels": spec.channels,
        "vocabulary": spec.vocabulary,
        "together": spec.together,
        "palette": spec.palette,
        "style": {
            "most": style.colours if style else None,
            "orphans": style.orphans if style else 1.0,
            "orphanPrice": ORPHAN_PRICE,
        },
    }


def pictures(model: ContextUNet, spec: ModelSpec) -> bytes:
    """A sheet of sprites as PNG, each of one tag alone, in the order of a context."""
    tags = torch.eye(spec.places)
    with progress(total=len(tags), desc="pictures", unit="tag") as bar:
        sampler = Sampler(model, spec)
        x = sampler(Condition.of(tags), PICTURE_SCALE, range(len(tags)), batch=16, on_sprites=bar.update)
    sheet = io.BytesIO()
    Image.fromarray(side_by_side(with_alpha(to_uint8(x)), COLUMNS)).save(sheet, "PNG", optimize=True)
    return sheet.getvalue()


def differing(model: ContextUNet, spec: ModelSpec, data: bytes) -> float:
    """The share of pixels that differ between sprites of a network and of its ONNX file, from the same noise."""
    ours, theirs = (Sampler(model, spec, Sampling(precision="fp32")) for _ in range(2))
    theirs.guide.strong = onnx_denoiser(data)
    a, b = (to_uint8(sampler.per_category(PICTURE_SCALE, CHECKED)[0]) for sampler in (ours, theirs))
    return float((a != b).any(-1).mean())


def walks_differing(model: ContextUNet, spec: ModelSpec, data: bytes) -> float:
    """The same of the clips of a network of walks."""
    ours, theirs = (Animator(model, spec, Sampling(precision="fp32")) for _ in range(2))
    theirs.guide.strong = onnx_frames(data, ExportedFrame(model, spec))
    asked = Condition.of(spec.contexts()[[spec.categories.index(name) for name in spec.moving]]).repeated(CHECKED)
    a, b = (to_uint8(animator(asked, 2.0, range(len(asked)), spec.model.frames)) for animator in (ours, theirs))
    return float((a != b).any(-1).mean())


def told(part: str, data: bytes, share: float) -> bytes:
    """The file of a network, after a line that tells of it."""
    print(f"{part}.onnx: {len(data) / 1e6:.1f} MB; {share:.2%} of the pixels differ from those of PyTorch")
    return data


def model_files(name: str, networks: dict[str, Model], walks: Model | None) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a model for the page by their names, and what the page needs to know of them.

    networks: the teacher, the student or both; walks: a network of clips of such sprites.
    """
    files, parts = {}, {}
    for part, (network, its) in networks.items():
        data = to_onnx(network, its)
        files[f"{part}.onnx"] = told(part, data, differing(network, its, data))
        parts[part] = described(its, f"{part}.onnx", data)
    model, spec = next(iter(networks.values()))
    known = about(name, spec) | {"networks": parts, "pictures": {"file": PICTURES, "columns": COLUMNS}}
    if walks:
        network, its = walks
        data = files["walks.onnx"] = frames_to_onnx(network, its)
        told("walks", data, walks_differing(network, its, data))
        kept = {"cycle": its.model.frames, "memory": ExportedFrame(network, its).size}
        animator = Animator(network, its)
        following = way(animator.sampler, animator.following)
        of_clips = {"moving": its.moving, "varying": its.varying}
        after = {"following": following, "followingScale": FOLLOWING_SCALE}
        known["walks"] = described(its, "walks.onnx", data) | kept | of_clips | after
    files[PICTURES] = pictures(model, spec)
    return files, known
