"""What sprites are asked to be, as it travels from a request to guidance."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True, eq=False)
class Condition:
    """B compositions of M contexts of length V each (Liu et al. 2022, arXiv:2206.01714), and what to go away from.

    A composition is guided by s * sum_m scales_m * (cond_m - uncond); a single context is one term with scale 1.
    Indexing by rows, int64 or a slice, takes these rows of all three. Raises ValueError for shapes that do not fit.
    """

    contexts: Tensor
    """float32 [B, M, V]"""
    scales: Tensor
    """Of the terms, float32 [B, M]; any sign."""
    away: Tensor | None = None
    """float32 [B, V], contexts to go away from; None: no context."""

    def __post_init__(self) -> None:
        shapes = [list(self.contexts.shape), list(self.scales.shape)]
        if self.contexts.ndim != 3 or shapes[1] != shapes[0][:2]:
            raise ValueError(f"expected contexts [B, M, V] and scales [B, M], got {shapes[0]} and {shapes[1]}")
        if self.away is not None and list(self.away.shape) != [shapes[0][0], shapes[0][2]]:
            raise ValueError(f"expected away [B, V] for contexts {shapes[0]}, got {list(self.away.shape)}")

    @classmethod
    def of(cls, contexts: Tensor, away: Tensor | None = None) -> "Condition":
        """One context each, [B, V]."""
        return cls(contexts[:, None], contexts.new_ones(len(contexts), 1), away)

    @classmethod
    def stack(cls, compositions: Sequence["Condition"]) -> "Condition":
        """Compositions of any lengths M below one another; the shorter ones get terms of scale 0."""
        contexts = [row for c in compositions for row in c.contexts]
        scales = [row for c in compositions for row in c.scales]
        return cls(pad_sequence(contexts, batch_first=True), pad_sequence(scales, batch_first=True))

    def __len__(self) -> int:
        return len(self.contexts)

    def __getitem__(self, rows: Tensor | slice) -> "Condition":
        return Condition(self.contexts[rows], self.scales[rows], None if self.away is None else self.away[rows])

    def each(self, value: float | Tensor, what: str) -> Tensor:
        """A number for each row, [B], of one for all or of as many. Raises ValueError for another shape."""
        values = torch.as_tensor(value)
        if values.shape not in ((), (len(self),)):
            raise ValueError(f"{len(self)} contexts need one {what} or as many, got shape {list(values.shape)}")
        return values.expand(len(self))

    def check_indices(self, indices: Sequence[int]) -> None:
        """Raise ValueError unless each row has the number of its noise."""
        if len(indices) != len(self):
            raise ValueError(f"{len(self)} contexts need as many indices, got {len(indices)}")

    def repeated(self, times: int) -> "Condition":
        """Each row so many times, one after the other."""
        return self[torch.arange(len(self)).repeat_interleave(times)]

    def only(self, places: Tensor) -> "Condition":
        """The same, nothing asked but at these places of a context, bool [V]."""
        return Condition(self.contexts * places, self.scales, None if self.away is None else self.away * places)

    def asking(self, more: Tensor) -> "Condition":
        """The same, each term asking for these too, flags [B, V]."""
        return Condition(self.contexts.maximum(more[:, None]), self.scales, self.away)

    def away_from(self, context: Tensor | None) -> "Condition":
        """The same, all rows going away from one context [V], or from none."""
        away = None if context is None else context.expand(len(self), -1)
        return Condition(self.contexts, self.scales, away)

    def to(self, device: torch.device) -> "Condition":
        away = None if self.away is None else self.away.to(device)
        return Condition(self.contexts.to(device), self.scales.to(device), away)
