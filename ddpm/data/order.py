"""Randomness that needs no state: generators seeded from several numbers, and an order of samples."""

import numpy as np
import torch

# Streams of random numbers of a run, kept apart by their seeds.
ORDER, STEP, VALIDATION, CONDITIONS, VOLUMES, SCALES, CYCLES, JUDGED = range(8)


def seed_of(*parts: int) -> int:
    """A 64-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def generator(*parts: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded from several numbers. Those of a CPU and of a GPU give other numbers."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


class ShuffledOrder:
    """Endless order over n samples: one permutation of all after another, a function of (seed, position) alone."""

    def __init__(self, n: int, seed: int):
        self.n, self.seed = n, seed
        self._permutations: dict[int, np.ndarray] = {}

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch not in self._permutations:
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = torch.randperm(self.n, generator=generator(self.seed, ORDER, epoch)).numpy()
        return self._permutations[epoch]

    def __call__(self, start: int, count: int) -> np.ndarray:
        """int64 [count]: the samples at positions start ... start + count - 1."""
        epochs, places = np.divmod(np.arange(start, start + count), self.n)
        return np.concatenate([self._permutation(int(e))[places[epochs == e]] for e in np.unique(epochs)])
