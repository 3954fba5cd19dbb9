"""What a sweep or a measurement of facets shows in TensorBoard, and as PNG files."""

import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ddpm.data.tensors import to_uint8
from ddpm.evaluation.classifier import features_and_classes
from ddpm.evaluation.judge import Judge
from ddpm.evaluation.report import Report
from ddpm.show.figures import gap_curves, pairs, tradeoff
from ddpm.show.grids import labelled_grid, on_checkerboard, save_picture


def fresh_writer(folder: Path) -> SummaryWriter:
    """Of TensorBoard files in `folder`/tb, in place of older ones."""
    shutil.rmtree(folder / "tb", ignore_errors=True)
    return SummaryWriter(folder / "tb")


def show(writer: SummaryWriter, folder: Path, section: str, pictures: dict[str, Image.Image], table: str) -> None:
    """Add pictures and a table to a section of TensorBoard, the pictures as PNG to `folder` too."""
    for name, picture in pictures.items():
        save_picture(folder / f"{name.replace(' = ', '').replace(' ', '_')}.png", picture)
        writer.add_image(f"{section}/{name}", np.asarray(picture), dataformats="HWC")
    writer.add_text(f"{section}/table", "".join(f"    {line}\n" for line in table.splitlines()))


def show_alone(folder: Path, section: str, pictures: dict[str, Image.Image], table: str) -> None:
    """As `show`, in fresh TensorBoard files that hold nothing else."""
    with fresh_writer(folder) as writer:
        show(writer, folder, section, pictures, table)


class SweepBoard:
    """The pictures of a sweep, as PNG in `folder` and in TensorBoard files in `folder`/tb, in place of older ones."""

    GRID, PAIRS, PROJECTED = 8, 10, 500

    def __init__(self, folder: Path, judge: Judge, report: Report):
        self.folder, self.judge, self.report = folder, judge, report
        for old in (*folder.glob("grid_s*.png"), folder / "gaps.png"):
            old.unlink(missing_ok=True)
        self.writer = fresh_writer(folder)

    def write(self, sampled: dict[str, Tensor], gaps: dict[str, list[tuple[float, float]]]) -> None:
        """sampled: x [K * n, C, H, W] of each row by its name; gaps: of `Gaps.means`, by the same names."""
        categories = self.judge.data.sprites.categories
        pictures = {"curves": tradeoff(self.report)}
        if any(gaps.values()):
            pictures["gaps"] = gap_curves({k: v for k, v in gaps.items() if v})
        for name, x in sampled.items():
            cells = to_uint8(x.unflatten(0, (len(categories), -1))[:, : self.GRID])[:, None]
            pictures[f"grid {name}"] = labelled_grid(cells, categories, [name])
        best = min(self.report.asking(), key=lambda r: r.figures["frechet_distance"])
        pictures["pairs"] = pairs(*self.judge.closest(sampled[best.name], self.PAIRS))
        show(self.writer, self.folder, "sweep", pictures, self.report.text())
        self._projector(sampled[best.name], best.name)
        self.writer.close()

    def _projector(self, x: Tensor, name: str) -> None:
        """A map of generated and training sprites by the classifier's features, with the sprites as thumbnails."""
        categories, K = self.judge.data.sprites.categories, len(self.judge.data.sprites.categories)
        per_category = min(self.PROJECTED // K, len(x) // K)
        labels = torch.arange(K).repeat_interleave(len(x) // K)
        chosen = torch.cat([(labels == k).nonzero()[:per_category, 0] for k in range(K)])
        real = self.judge.matching(labels[chosen])
        both, real_labels = torch.cat([x[chosen].cpu(), self.judge.x[real]]), self.judge.labels[real]
        metadata = [[name, categories[k]] for k in labels[chosen]] + [["training", categories[k]] for k in real_labels]
        thumbnails = torch.from_numpy(on_checkerboard(to_uint8(both))).movedim(-1, 1).float() / 255
        features, _ = features_and_classes(self.judge.classifier, both)
        self.writer.add_embedding(features, metadata, thumbnails, tag="sprites", metadata_header=["set", "category"])
