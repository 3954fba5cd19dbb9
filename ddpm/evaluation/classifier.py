"""A small CNN that judges sprites: its class accuracy, and its features for Frechet distances."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.system import console
from ddpm.system.devices import autocast_dtype, cores, limited, on_cores

VERSION = 1  # Raise it with any change to what a classifier learns or tells: judges kept in files are trained anew.
STEPS_MIN = 200  # of training, for small sets
# Of `told_apart`: steps of 128 sprites, sprites of each kind to learn from and as many for the verdict, and the fewest.
TOLD_STEPS, TOLD_MOST, TOLD_FEWEST = 1200, 2000, 40


class Classifier(nn.Module):
    """Sprites [B, C, H, W] in [-1, 1] -> logits [B, K]; `features` are float32 [B, 128 * cells^2], the layer below.

    cells: features are means over cells x cells parts of the sprite; with 1 they do not tell where in it things are.
    """

    def __init__(self, channels: int, categories: int, cells: int = 1, width: int = 32):
        super().__init__()

        def stage(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            )  # fmt: skip

        self.body = nn.Sequential(
            stage(channels, width),
            nn.MaxPool2d(2),
            stage(width, 2 * width),
            nn.MaxPool2d(2),
            stage(2 * width, 4 * width),
            nn.AdaptiveAvgPool2d(cells),
            nn.Flatten(),
        )
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4 * width * cells**2, categories)
        self.to(memory_format=torch.channels_last)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.features(x)))


def shift(x: Tensor, generator: torch.Generator) -> Tensor:
    """The batch moved by up to one pixel each way, the edge repeated."""
    dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
    h, w = x.shape[-2:]
    return F.pad(x, (1, 1, 1, 1), mode="replicate")[..., dy : dy + h, dx : dx + w]


def smoothed(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy with some doubt in the labels, int64 [B] (Szegedy et al. 2016, arXiv:1512.00567, section 7)."""
    return F.cross_entropy(logits, labels, label_smoothing=0.05)


def train_classifier(
    x: Tensor,
    labels: Tensor,
    categories: int,
    *,
    epochs: int = 20,
    steps: int | None = None,
    seed: int = 0,
    progress: bool = False,
    loss: Callable[[Tensor, Tensor], Tensor] = smoothed,
    flips: bool = True,
    cells: int = 1,
) -> Classifier:
    """Fit a classifier to sprites x [N, C, H, W] in [-1, 1] with labels [N, ...], such as `loss` takes; shifts,
    and flips if these change no label, as augmentation. steps: of 128 sprites, instead of `epochs`. cells: of
    `Classifier`.

    progress: show a bar.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Classifier(x.shape[1], categories, cells).train()
    autocast = autocast_dtype("auto", x.device)
    batch, steps = 128, steps or max(STEPS_MIN, epochs * -(-len(x) // 128))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    rounds = -(-steps * batch // len(x))
    order = torch.cat([torch.randperm(len(x), generator=generator) for _ in range(rounds)])
    batches = order[: steps * batch].split(batch)
    bar = console.progress(batches, "training the judge", unit="batch", leave=False, disable=not progress)
    with limited(max(1, cores() // 2)):  # more gain little, and beside another program they lose much
        for rows in bar:
            images = shift(x[rows], generator).contiguous(memory_format=torch.channels_last)
            if torch.rand((), generator=generator) < 0.5 and flips:
                images = images.flip(-1)
            with torch.autocast("cpu", autocast, enabled=autocast is not None):
                logits = model(images)
            loss(logits.float(), labels[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
            rate.step()
    return model.eval()


@torch.no_grad()
def features_and_classes(model: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """Features float32 [N, F] and predicted classes int64 [N] of sprites x [N, C, H, W]."""
    features = torch.cat(on_cores(model.features, x.split(128)))
    return features, model.head(features).argmax(1)


def in_equal_shares(a: Tensor, b: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of two sets of sprites by their labels, int64 [N] and [M], at random: as many of each category from both."""
    g, pairs = torch.Generator().manual_seed(seed), [torch.empty(0, 2, dtype=torch.int64)]
    for k in a.unique():
        of_k = [(labels == k).nonzero()[:, 0] for labels in (a, b)]
        count = min(map(len, of_k))
        pairs.append(torch.stack([rows[torch.randperm(len(rows), generator=g)[:count]] for rows in of_k], 1))
    rows = torch.cat(pairs)
    first, second = rows[torch.randperm(len(rows), generator=g)[: 2 * TOLD_MOST]].unbind(1)
    return first, second


def told_apart(a: Tensor, b: Tensor, *, seed: int = 0) -> tuple[float, float]:
    """Can a network tell two kinds of sprites x [N, C, H, W] in [-1, 1] apart, as generated from real ones? The share
    of unseen ones that it names rightly, and its standard error (a classifier two-sample test: Lopez-Paz & Oquab 2016,
    arXiv:1610.06545). Whatever gives them away, it may find.

    Half of each kind is learnt from, and the verdict is on the other half. 0.5: it cannot tell them apart. It can more
    often the more it has to learn from: compare sets of one size.
    """
    half = min(len(a), len(b)) // 2
    kinds = [kind[: 2 * half].split(half) for kind in (a, b)]
    learnt, unseen = (torch.cat(part) for part in zip(*kinds, strict=True))
    labels = torch.arange(2).repeat_interleave(half)
    model = train_classifier(learnt, labels, 2, steps=TOLD_STEPS, seed=seed)
    right = (features_and_classes(model, unseen)[1] == labels).float().mean().item()
    return right, (right * (1 - right) / (2 * half)) ** 0.5
