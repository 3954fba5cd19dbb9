"""Judging sprites by a classifier trained on the very data set: are they what was asked for, good, varied, and new?"""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ddpm.config import DataConfig
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.data.tensors import to_uint8
from ddpm.evaluation import classifier
from ddpm.evaluation.classifier import TOLD_FEWEST, Classifier, features_and_classes, train_classifier
from ddpm.evaluation.copies import background, changed, nearest
from ddpm.evaluation.metrics import (
    METRICS,
    NEIGHBOURS,
    Gaussian,
    Observed,
    OnSprites,
    balanced,
    class_accuracy,
    frechet_distance,
)
from ddpm.evaluation.pixel_art import count_colours, summary
from ddpm.runs.folder import trained_with
from ddpm.runs.models import PRETRAINED
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import read_safetensors, write_safetensors
from ddpm.system.console import warn
from sprites.colour import palette_of
from sprites.files import plural

JUDGES = PRETRAINED / "judges"  # that come along
HELD_OUT, TRAINING = "held-out", "training"  # the names of their rows
Labelled = tuple[Tensor, Tensor]  # x [N, C, H, W] in [-1, 1], labels int64 [N]
MOST_BYTES, MOST_HELD_OUT = 2**28, 10_000  # of training and held-out sprites that are compared with


@dataclass(frozen=True)
class Measured:
    """Figures of a set of sprites and their standard errors, by their names in `METRICS`."""

    name: str
    guidance: float | None
    sprites: int
    copies: int
    figures: dict[str, float]
    errors: dict[str, float]


def fingerprint(data: SpriteData, seed: int) -> str:
    """16 hexadecimal digits that change with any training sprite, its label, the seed or the classifier's version."""
    parts = data.hashes[data.train], data.sprites.labels[data.train], np.array([seed, classifier.VERSION])
    return blake2b(b"".join(part.tobytes() for part in parts), digest_size=8).hexdigest()


def at_most(count: int, rows: np.ndarray, seed: int) -> np.ndarray:
    """All of the indices `rows`, or `count` of them at random, in order."""
    return rows if len(rows) <= count else np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def shuffle_pixels(x: Tensor, seed: int) -> Tensor:
    """Sprites [N, C, H, W] with their pixels in random order, each in its own."""
    order = torch.rand(len(x), 1, x[0, 0].numel(), generator=torch.Generator().manual_seed(seed)).argsort(-1)
    return x.flatten(2).gather(2, order.expand(-1, x.shape[1], -1)).view_as(x)


class Judge:
    """A classifier fitted to the training split of `data`, and the features of those sprites to compare with.

    Of a set that is larger than `MOST_BYTES` in float32, it takes as many sprites at random for both.
    """

    def __init__(self, data: SpriteData, seed: int = 0, cache: Path | None = None, unseen: Labelled | None = None):
        """Train the classifier, or take it from the folder `cache`, where it is kept under the data's fingerprint, or
        from those that come along: one of the shipped set as configs/demo.toml splits it, so that figures of different
        machines are by one judge.

        unseen: real sprites that were never trained on, which generated ones are told apart from.
        """
        self.data, self.seed = data, seed
        self.rows = at_most(MOST_BYTES // (4 * data.sprites.images[0].size), data.train, seed)
        if len(self.rows) < len(data.train):
            told = f"{len(self.rows):,} of the {len(data.train):,} training sprites"
            warn(f"the judge compares with {told}; copies of others go unseen")
        x, labels = data.batch(self.rows)
        self.classifier = self._classifier(x, labels, cache)
        self.x, self.labels = x, labels
        self.none: Labelled = x[:0], labels[:0]
        self.unseen = unseen or self.none
        self.features, _ = features_and_classes(self.classifier, x)
        self.gaussian = Gaussian.fit(self.features, balanced(labels))

    def _classifier(self, x: Tensor, labels: Tensor, cache: Path | None) -> Classifier:
        """As it is kept, or trained on these sprites and kept in `cache`."""
        name = f"{fingerprint(self.data, self.seed)}.safetensors"
        for file in (folder / name for folder in (JUDGES, cache) if folder and (folder / name).exists()):
            try:
                found = Classifier(x.shape[1], self._classes).eval()
                found.load_state_dict(read_safetensors(file)[0])
                return found
            except (ValueError, RuntimeError) as e:
                warn(f"{' '.join(str(e).split())}; the judge is trained anew")
        if cache:
            cache.mkdir(parents=True, exist_ok=True)  # before the work
        found = self._train(x, labels)
        if cache:
            try:
                write_safetensors(cache / name, found.state_dict(), {"fingerprint": Path(name).stem})
            except OSError as e:
                warn(f"the judge is not kept: {e}")
        return found

    @property
    def _classes(self) -> int:
        return max(2, len(self.data.sprites.categories))

    def _train(self, x: Tensor, labels: Tensor) -> Classifier:
        """Train the classifier. A single category is told from its own sprites with their pixels shuffled."""
        if len(self.data.sprites.categories) == 1:
            x, labels = torch.cat([x, shuffle_pixels(x, self.seed)]), torch.cat([labels, torch.ones_like(labels)])
        return train_classifier(x, labels, self._classes, seed=self.seed, progress=True)

    @cached_property
    def palette(self) -> np.ndarray:
        """The colours of the training sprites, uint8 [P, 3]; none if they are many."""
        found = palette_of(self.data.sprites.take(self.rows))
        return np.empty((0, 3), np.uint8) if found is None else found

    @cached_property
    def colours(self) -> np.ndarray:
        """int64 [L]: how many colours each training sprite has."""
        return count_colours(self.data.sprites.take(self.rows))

    def __call__(self, x: Tensor, labels: Tensor) -> dict[str, float]:
        """Class accuracy and Frechet distance of sprites x [N, C, H, W] in [-1, 1] with int64 labels [N]: the two
        figures that are quick to have."""
        features, predicted = features_and_classes(self.classifier, x.cpu())
        return {
            "class_accuracy": class_accuracy(predicted, labels),
            "frechet_distance": frechet_distance(features, self.gaussian, balanced(labels)),
        }

    def matching(self, labels: Tensor, other: bool = False) -> Tensor:
        """Training sprites of the same categories as int64 labels [N], chosen at random: int64 [at most N], positions.

        A category with fewer sprites than labels gives all it has. other: a second choice, which shares no sprite with
        the first where a category has twice as many.
        """
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(self.seed))
        order = order.flip(0) if other else order
        counts = torch.bincount(labels, minlength=len(self.data.sprites.categories)).tolist()
        return torch.cat([order[self.labels[order] == k][:count] for k, count in enumerate(counts)])

    def measure(
        self,
        name: str,
        x: Tensor,
        labels: Tensor,
        guidance: float | None = None,
        on_sprites: OnSprites = lambda count: None,
    ) -> Measured:
        """All figures of `METRICS` that apply to sprites x [N, C, H, W] in [-1, 1] that were asked to be of categories
        int64 [N]. `on_sprites` is called with how many are done.

        Sampled sprites, and training ones as the floor, are told apart from the unseen ones, if there are any."""
        x = x.cpu()
        features, predicted = features_and_classes(self.classifier, x)
        seen = Observed(
            x=x,
            labels=labels,
            features=features,
            predicted=predicted,
            training=self.x,
            real=self.features[self.matching(labels)],
            gaussian=self.gaussian,
            palette=self.palette,
            training_colours=self.colours,
            unseen=self.unseen if guidance is not None or name == TRAINING else self.none,
            seed=self.seed,
            on_sprites=on_sprites,
        )
        found = {key: metric(seen) for key, metric in METRICS.items() if metric.applies(seen)}
        figures, errors = ({key: pair[i] for key, pair in found.items()} for i in range(2))
        return Measured(name, guidance, len(x), round(len(x) * figures["copies"]), figures, errors)

    def pixel_art(self, x: Tensor) -> dict[str, float]:
        """`pixel_art.summary` of sprites x [N, C, H, W] in [-1, 1], and, by names that end in _real, of as many
        training sprites."""
        found = summary(to_uint8(x.cpu()), self.palette)
        real = summary(self.data.sprites.take(at_most(len(x), self.rows, self.seed)), self.palette)
        return found | {f"{name}_real": value for name, value in real.items()}

    def closest(self, x: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The `count` of sprites x that are most like a training sprite, in that order, and those, as moved there."""
        x, found = x.cpu(), nearest(x.cpu(), self.x)
        order = changed(x, found.sprite, background(self.x)).argsort(stable=True)[:count]
        return x[order], found.sprite[order]

    def references(self, per_category: int) -> dict[str, tuple[Tensor, Tensor]]:
        """Real sprites to read the figures by, each x and labels: held-out ones, training ones (the floor), and what
        must look bad, the training ones blurred and with their pixels shuffled."""
        held_out = at_most(MOST_HELD_OUT, self.data.val, self.seed)
        found = {HELD_OUT: self.data.batch(held_out)} if len(held_out) > NEIGHBOURS else {}
        each = torch.arange(len(self.data.sprites.categories)).repeat_interleave(per_category)
        chosen = self.matching(each, other=True)
        x, labels = self.x[chosen], self.labels[chosen]
        shuffled = shuffle_pixels(x, self.seed + 1)
        blurred = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        return found | {TRAINING: (x, labels), "blurred": (blurred, labels), "shuffled": (shuffled, labels)}


def data_of(folder: Path, model: Path, spec: ModelSpec, per_category: int) -> SpriteData:
    """Load `folder` with the run's own split, so that held-out sprites were truly not trained on; without the run's
    config, with the default split.

    Raises ValueError for sprites of other categories or channels than the model's, and if `per_category` sprites of
    each category are too few for nearest neighbours.
    """
    trained = trained_with(model)
    # With the colours that the sprites have, whatever palette the model was trained to.
    data = load_data(folder, replace(trained, size=spec.size, mirror=(), palette="none", tags=bool(trained.hold_out)))
    if (data.sprites.categories, data.sprites.channels) != (spec.categories, spec.channels):
        raise ValueError(
            f"{folder} has categories {', '.join(data.sprites.categories)} in {data.sprites.channels} channels, the "
            f"model {', '.join(spec.categories)} in {spec.channels}: give the data it was trained on"
        )
    each = np.bincount(data.sprites.labels[data.train]).clip(max=per_category).sum()
    for what, count in (("sampled", per_category * len(spec.categories)), ("training", each)):
        if count <= NEIGHBOURS:
            raise ValueError(
                f"{count} {what} sprites are too few to judge by {NEIGHBOURS} nearest neighbours; take more"
            )
    return data


def unseen_sprites(source: str, data: SpriteData) -> Labelled:
    """Real sprites that were never trained on: those held out of `data`, or of another folder.

    Those of a folder that are among the training sprites are left out, and all but one frame of each clip: a network
    that has learnt one frame as real would know the next one by it, and tell apart what is not to be told.

    Raises ValueError for sprites of another size, channels or categories, and for too few of them.
    """
    if source == HELD_OUT:
        other, rows = data, data.val
    else:
        other = load_data(source, DataConfig(size=data.sprites.size, palette="none", clips=0.5))
        if (other.sprites.categories, other.sprites.channels) != (data.sprites.categories, data.sprites.channels):
            raise ValueError(f"{source}: it has other categories or channels than the training sprites")
        rows = np.flatnonzero(~np.isin(other.hashes, data.hashes[data.train]))
        assert other.sprites.clips is not None
        rows = np.random.default_rng(0).permutation(rows)
        rows = np.sort(rows[np.unique(other.sprites.clips[rows], return_index=True)[1]])
    if len(rows) < TOLD_FEWEST:
        raise ValueError(f"{source}: {plural(len(rows), 'sprite')} not trained on, too few to tell others apart from")
    return other.batch(at_most(MOST_HELD_OUT, rows, 0))
