"""A model as an ONNX file, for programs that have no PyTorch: a web page, a game, a service.

The graph is a context denoiser (ddpm/diffusion/prediction.py), whatever the network predicts, so that a program needs
no more than a sampler:

    x [B, C, H, W], t int64 [B], context [B, V], of a student scale [B]  ->  x0 [B, C, H, W]

All are float32 but t, and B is free. Needs the packages of the extra `web`.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ddpm.diffusion.prediction import ContextDenoiser
from ddpm.network.unet import ContextUNet
from ddpm.runs.spec import ModelSpec

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
MOST = 2**16  # sprites at a time
LARGE = 1024  # numbers from which on a table of weights is stored in half precision


class ExportedDenoiser(nn.Module):
    """The denoiser of a network as a module."""

    def __init__(self, network: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.network = network
        self.denoise = spec.build_diffusion().denoiser(network)

    def forward(self, x: Tensor, t: Tensor, context: Tensor, scale: Tensor | None = None) -> Tensor:
        return self.denoise(x, t, context) if scale is None else self.denoise(x, t, context, scale)


def example(spec: ModelSpec, batch: int = 2) -> dict[str, Tensor]:
    """Inputs of the graph, by name, as small as they can be."""
    inputs = {
        "x": torch.zeros(batch, spec.channels, spec.size, spec.size),
        "t": torch.full((batch,), spec.diffusion.timesteps - 1),
        "context": torch.zeros(batch, spec.places),
    }
    return inputs | ({"scale": torch.ones(batch)} if spec.student else {})


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the exporter says of itself from the user: progress, and warnings of libraries to one another."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def check_packages() -> None:
    """Raise ValueError, saying what to install, if a package of the extra `web` is missing."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise ValueError(f"an ONNX file needs {' and '.join(missing)}; install them by pip install 'ddpm-sprites[web]'")


def to_onnx(model: ContextUNet, spec: ModelSpec, half: bool = True) -> bytes:
    """The ONNX file of a model. half: its weights are stored in float16, and computed with in float32.

    Raises ValueError if a package of the extra `web` is missing.
    """
    return exported(ExportedDenoiser(model, spec).eval(), example(spec), ["x0"], half)


def exported(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], half: bool) -> bytes:
    """The ONNX file of a module, whose inputs have the batch first; half: see `to_onnx`."""
    check_packages()
    with quiet():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: torch.export.Dim("B", min=1, max=MOST)} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in the source each came from: half a megabyte
        node.doc_string = ""
    return (in_halves(graph) if half else graph).SerializeToString(deterministic=True)


def in_halves(model: Any) -> Any:
    """An ONNX model with its large tables in float16, each cast to float32 before it is used."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for table in model.graph.initializer:
        if table.data_type != TensorProto.FLOAT or np.prod(table.dims) < LARGE:
            continue
        name, values = table.name, numpy_helper.to_array(table)
        table.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [table.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def session(file: bytes) -> Callable[..., list[Tensor]]:
    """An ONNX file as a function, run by onnxruntime on one thread of the CPU."""
    check_packages()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    found = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in found.get_inputs()]

    def run(*inputs: Tensor) -> list[Tensor]:
        feeds = {name: value.contiguous().numpy() for name, value in zip(names, inputs, strict=True)}
        return [torch.from_numpy(value) for value in found.run(None, feeds)]

    return run


def onnx_denoiser(file: bytes) -> ContextDenoiser:
    """The denoiser of an ONNX file, run by onnxruntime on one thread of the CPU."""
    run = session(file)
    return lambda *inputs: run(*inputs)[0]
