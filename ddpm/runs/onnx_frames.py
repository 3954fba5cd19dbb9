"""A model of clips as an ONNX file that draws a frame: the network, and its memory of the frames before.

    x [B, C, H, W], t int64 [B], context [B, V], position int64 [B], sees bool [B, M + 1], memory [B, R]
        ->  x0 [B, C, H, W], memory [B, R]

position: the step of the cycle that the frame shows. memory: keys and values of the M frames before it, zeros where
there is none. It comes out with this frame as the last and without the first, so a frame that is done, given as x at
t = 0, makes the memory for the next. sees: which of the M frames are there; the last is the frame itself, always seen.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.network.frames import FrameAttention, Frames, Memory, Pointer
from ddpm.network.unet import ContextUNet
from ddpm.runs.onnx_files import example, exported, session
from ddpm.runs.spec import ModelSpec


class ExportedFrame(nn.Module):
    """The denoiser of one frame as a module, whose memory is one table."""

    def __init__(self, network: ContextUNet, spec: ModelSpec) -> None:
        super().__init__()
        self.network, self.cycle = network, spec.model.frames
        self.denoise = spec.build_diffusion().denoiser(network)
        layers = [layer for layer in network.modules() if isinstance(layer, FrameAttention | Pointer)]
        x, t, context = example(spec, 1).values()
        remember = Memory()
        sees = torch.ones(1, self.frames, self.frames, dtype=torch.bool).tril()
        rows = [value.expand(self.frames, *value.shape[1:]) for value in (x, t, context)]
        self.denoise(*rows, frames=Frames(torch.arange(self.frames), rows[1], sees, remember=remember))
        self.shapes = {layer: [x.shape[1:] for x in remember.kept[layer]] for layer in layers}  # of keys, of values

    @property
    def frames(self) -> int:
        """M, those that are remembered."""
        return self.cycle - 1

    @property
    def size(self) -> int:
        """R."""
        return sum(shape.numel() for pair in self.shapes.values() for shape in pair)

    def unpacked(self, table: Tensor) -> Memory:
        """[B, R] -> keys and values of M frames."""
        parts = iter(table.split([shape.numel() for pair in self.shapes.values() for shape in pair], 1))
        kept = {layer: [next(parts).reshape(-1, *shape) for shape in pair] for layer, pair in self.shapes.items()}
        return Memory({layer: (k, v) for layer, (k, v) in kept.items()})

    def packed(self, memory: Memory) -> Tensor:
        """Keys and values of M frames -> [B, R]."""
        return torch.cat([x.flatten(1) for layer in self.shapes for x in memory.kept[layer]], 1)

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, position: Tensor, sees: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        remember = Memory()
        length = torch.full_like(position, self.cycle)
        frames = Frames(position, length, sees[:, None], self.unpacked(memory), remember)
        x0 = self.denoise(x, t, context, frames=frames)
        return x0, self.packed(remember.last(self.frames, self.cycle))

    def example(self, spec: ModelSpec, batch: int = 2) -> dict[str, Tensor]:
        """Inputs of the graph, by name."""
        return example(spec, batch) | {
            "position": torch.zeros(batch, dtype=torch.long),
            "sees": torch.ones(batch, self.cycle, dtype=torch.bool),
            "memory": torch.zeros(batch, self.size),
        }


def frames_to_onnx(model: ContextUNet, spec: ModelSpec, half: bool = True) -> bytes:
    """The ONNX file of a model of clips; half: see `to_onnx`. Raises ValueError if a package of the extra `web` is
    missing."""
    module = ExportedFrame(model, spec).eval()
    return exported(module, module.example(spec), ["x0", "remembered"], half)


def onnx_frames(file: bytes, module: ExportedFrame) -> Callable[..., Tensor]:
    """The network of an ONNX file as `Animator` calls that of a model: (x_t, t, context, frames) -> x0_hat. The file is
    run by onnxruntime on one thread of the CPU."""
    run = session(file)

    def filled(layer: FrameAttention | Pointer, kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Keys and values as those of M frames, zeros first."""
        k, v = (F.pad(x, (0, 0, shape[1] - x.shape[2], 0)) for x, shape in zip(kv, module.shapes[layer], strict=True))
        return k, v

    def denoise(x: Tensor, t: Tensor, context: Tensor, frames: Frames) -> Tensor:
        count, M = frames.sees.shape[-1] - 1, module.frames
        sees = torch.zeros(len(x), M + 1, dtype=torch.bool)
        sees[:, M - count :] = frames.sees[:, 0]
        memory = torch.zeros(len(x), module.size)
        if frames.memory:
            memory = module.packed(Memory({layer: filled(layer, frames.memory.kept[layer]) for layer in module.shapes}))
        x0, remembered = run(x, t, context, frames.position, sees, memory)
        if frames.remember is not None:
            for layer, kv in module.unpacked(remembered).kept.items():
                # M frames; before them any one, since of M + 1 the first is forgotten.
                k, v = (torch.cat([x[:, :, : x.shape[2] // M], x], 2) for x in kv)
                frames.remember.kept |= Memory({layer: (k, v)}).last(count + 1, M + 1).kept
        return x0

    return denoise
