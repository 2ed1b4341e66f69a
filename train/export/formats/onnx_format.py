"""ONNX, which onnxruntime and many other programs run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskaug.train.export.formats.registry import ExportError, ExportFormat, register
from maskaug.train.model.onnx_classifier import INPUT, OUTPUT

if TYPE_CHECKING:
    from onnx import GraphProto
    from torch import nn


def _write(
    network: "nn.Module", metadata: Mapping[str, str], pictures: NDArray[np.uint8], path: Path, *, half: bool
) -> NDArray[np.float32]:
    import onnx  # noqa: PLC0415  these take seconds
    import onnxruntime  # noqa: PLC0415
    import torch  # noqa: PLC0415

    example = torch.from_numpy(pictures[:2])
    shapes = {INPUT: {0: torch.export.Dim("batch")}}
    try:
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"this network has no ONNX form: {str(error).splitlines()[0]}") from error
    if program is None:
        raise ExportError("this network has no ONNX form")
    model = program.model_proto
    for node in model.graph.node:  # the exporter's traces: half a megabyte of this machine's paths
        del node.metadata_props[:]
        node.doc_string = ""
    expand_hard_sigmoids(model.graph)
    if half:
        _halve(model.graph)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([OUTPUT], {INPUT: pictures})[0])


def expand_hard_sigmoids(graph: "GraphProto") -> None:
    """Write each HardSigmoid as what it is: a product, a sum and a clip.

    OpenCV 5.0.0 takes a product with a HardSigmoid for HardSwish, whatever the other factor is, so that squeeze and
    excitation gave other probabilities there, and no error.
    """
    from onnx import helper, numpy_helper  # noqa: PLC0415  takes seconds

    nodes = []
    for node in graph.node:
        if node.op_type != "HardSigmoid":
            nodes.append(node)
            continue
        (taken,), (given,) = node.input, node.output
        about = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        values = {"alpha": about.get("alpha", 0.2), "beta": about.get("beta", 0.5), "zero": 0.0, "one": 1.0}
        for name, value in values.items():
            graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{given}.{name}"))
        nodes += [
            helper.make_node("Mul", [taken, f"{given}.alpha"], [f"{given}.scaled"]),
            helper.make_node("Add", [f"{given}.scaled", f"{given}.beta"], [f"{given}.moved"]),
            helper.make_node("Clip", [f"{given}.moved", f"{given}.zero", f"{given}.one"], [given]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _halve(graph: "GraphProto") -> None:
    """Store matrices and kernels as float16, each cast to float32 when the file is loaded.

    Vectors stay as they are: biases and variances are few, and small differences of them move whole maps.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  takes seconds

    casts = []
    for stored in graph.initializer:
        if stored.data_type != TensorProto.FLOAT or len(stored.dims) < 2:
            continue
        name = stored.name
        # A weight beyond 65504 becomes infinite, and the check of the file finds it.
        with np.errstate(over="ignore"):
            weights = numpy_helper.to_array(stored).astype(np.float16)
        stored.CopyFrom(numpy_helper.from_array(weights, f"{name}.half"))
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # what is made must stand before what takes it
    del graph.node[:]
    graph.node.extend(nodes)


register(ExportFormat("onnx", ".onnx", _write, halves=True))
