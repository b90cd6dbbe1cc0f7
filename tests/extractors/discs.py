"""Two tiny ONNX files with what a SAM takes and gives, whose answers can be worked out: a click means the disc around it.

The encoder gives each cell's mean color, which the decoder only adds as nothing, so that an embedding has to come through. A click that is
meant adds a disc, one that is not takes its disc away again, the corners of a box add what lies between them; a former answer is kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, LOW, RADIUS = 1024, 256, 150.0
FLOAT = TensorProto.FLOAT


def _save(path: Path, nodes, given, made, constants) -> Path:
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    values = [[helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in part.items()] for part in (given, made)]
    model = helper.make_model(helper.make_graph(nodes, "g", *values, weights), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def encoder(path: Path, *, plain: bool = False, channels: int = 3) -> Path:
    """Mean colors of 64 x 64 cells. `plain`: takes (height, width, 3) of 0 to 255, as it is. `channels` other than 3: fits no decoder of ours."""
    node = helper.make_node
    if plain:
        nodes = [
            node("Transpose", ["x"], ["turned"], perm=[2, 0, 1]),
            node("Unsqueeze", ["turned", "first"], ["one"]),
            node("Resize", ["one", "", "", "sizes"], ["out"], mode="linear"),
        ]
        return _save(
            path, nodes, {"x": ["height", "width", 3]}, {"out": [1, 3, 64, 64]}, {"first": np.int64([0]), "sizes": np.int64([1, 3, 64, 64])}
        )
    nodes = [
        node("AveragePool", ["x"], ["cells"], kernel_shape=[16, 16], strides=[16, 16]),
        node("Concat", ["cells"] * (channels // 3), ["out"], axis=1),
    ]
    return _save(path, nodes, {"x": ["batch", 3, SIDE, SIDE]}, {"out": [1, channels, 64, 64]}, {})


def decoder(path: Path, *, radius: float = RADIUS, several: bool = False, whole_only: bool = False) -> Path:
    """Discs around clicks. `several`: gives four answers, the first of which is right; `whole_only`: gives masks of the picture's size only."""
    node = helper.make_node
    centers = (np.arange(LOW, dtype=np.float32) + 0.5) * (SIDE / LOW)
    grid = np.stack(np.broadcast_arrays(centers[None, :], centers[:, None]))  # (2, LOW, LOW): x and y
    nodes = [
        node("Reshape", ["point_coords", "columns"], ["places"]),  # (n, 2, 1, 1)
        node("Reshape", ["point_labels", "plane"], ["labels"]),  # (n, 1, 1)
        node("Sub", ["grid", "places"], ["away"]),
        node("Mul", ["away", "away"], ["squared"]),
        node("ReduceSum", ["squared", "one"], ["distance"], keepdims=0),  # (n, LOW, LOW)
        node("Sub", ["reach", "distance"], ["disc"]),  # over 0 inside
    ]
    for name, label in (("meant", 1.0), ("away_from", 0.0), ("upper", 2.0), ("lower", 3.0)):
        nodes += [
            node("Sub", ["labels", f"is_{name}"], [f"off_{name}"]),
            node("Abs", [f"off_{name}"], [f"far_{name}"]),
            node("Less", [f"far_{name}", "half"], [name]),
        ]
        assert label >= 0
    nodes += [
        node("Where", ["meant", "disc", "nothing"], ["added"]),
        node("ReduceMax", ["added"], ["all_added"], axes=[0], keepdims=1),
        node("Where", ["away_from", "disc", "nothing"], ["removed"]),
        node("ReduceMax", ["removed"], ["all_removed"], axes=[0], keepdims=1),
        # a box: right of and below its upper corner, left of and above its lower one
        node("ReduceMin", ["away"], ["beyond"], axes=[1], keepdims=0),
        node("Neg", ["away"], ["before"]),
        node("ReduceMin", ["before"], ["within"], axes=[1], keepdims=0),
        node("Where", ["upper", "beyond", "nothing"], ["u"]),
        node("ReduceMax", ["u"], ["all_u"], axes=[0], keepdims=1),
        node("Where", ["lower", "within", "nothing"], ["l"]),
        node("ReduceMax", ["l"], ["all_l"], axes=[0], keepdims=1),
        node("Min", ["all_u", "all_l"], ["near"]),
        node("Mul", ["near", "slope"], ["box"]),  # as steep at its edge as a disc
        node("Max", ["all_added", "box"], ["fresh"]),
        # what was there before
        node("Mul", ["has_mask_input", "much"], ["known"]),
        node("Sub", ["known", "much"], ["unknown"]),
        node("Add", ["mask_input", "unknown"], ["kept"]),  # far below 0 where nothing was
        node("Reshape", ["kept", "flat"], ["kept_flat"]),
        node("Max", ["fresh", "kept_flat"], ["some"]),
        node("Neg", ["all_removed"], ["rest"]),
        node("Min", ["some", "rest"], ["drawn"]),
        node("ReduceMean", ["image_embeddings"], ["mean"], keepdims=0),
        node("Mul", ["mean", "zero"], ["none"]),
        node("Add", ["drawn", "none"], ["low"]),
        node("Reshape", ["low", "map"], ["answer"]),
    ]
    given = {
        "image_embeddings": [1, 3, 64, 64],
        "point_coords": [1, "n", 2],
        "point_labels": [1, "n"],
        "mask_input": [1, 1, LOW, LOW],
        "has_mask_input": [1],
        "orig_im_size": [2],
    }
    constants: dict[str, object] = {
        "columns": np.int64([-1, 2, 1, 1]), "plane": np.int64([-1, 1, 1]), "grid": grid, "one": np.int64([1]), "reach": np.float32(radius**2), "half": np.float32(0.5), "slope": np.float32(2 * radius),
        "nothing": np.float32(-1e9), "much": np.float32(1e9), "flat": np.int64([1, LOW, LOW]), "zero": np.float32(0), "map": np.int64([1, 1, LOW, LOW]),
        "is_meant": np.float32(1), "is_away_from": np.float32(0), "is_upper": np.float32(2), "is_lower": np.float32(3),
    }  # fmt: skip
    if whole_only:  # of the square's upper left part, as large as the picture
        nodes += [
            node("Cast", ["orig_im_size"], ["size"], to=TensorProto.INT64),
            node("ReduceMax", ["size"], ["longest"], keepdims=1),
            node("Concat", ["longest", "longest"], ["square"], axis=0),
            node("Concat", ["ones", "square"], ["sizes"], axis=0),
            node("Resize", ["answer", "", "", "sizes"], ["grown"], mode="linear"),
            node("Slice", ["grown", "start", "size", "axes"], ["masks"]),
        ]
        constants |= {"ones": np.int64([1, 1]), "start": np.int64([0, 0]), "axes": np.int64([2, 3])}
        return _save(path, nodes, given, {"masks": [1, 1, "h", "w"]}, constants)
    if several:
        nodes += [
            node("Neg", ["answer"], ["not"]),
            node("Concat", ["answer", "not", "answer", "not"], ["low_res_masks"], axis=1),
            node("Identity", ["found"], ["iou_predictions"]),
        ]
        constants["found"] = np.float32([[0.1, 0.2, 0.9, 0.3]])
        return _save(path, nodes, given, {"low_res_masks": [1, 4, LOW, LOW], "iou_predictions": [1, 4]}, constants)
    nodes += [node("Identity", ["answer"], ["low_res_masks"]), node("Identity", ["found"], ["iou_predictions"])]
    constants["found"] = np.float32([[0.9]])
    return _save(path, nodes, given, {"low_res_masks": [1, 1, LOW, LOW], "iou_predictions": [1, 1]}, constants)


def write_pair(folder: Path) -> None:
    """Both into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder(folder / "encoder.onnx")
    decoder(folder / "decoder.onnx")


def disc(size: tuple[int, int], x: float, y: float, radius: float = RADIUS) -> np.ndarray:
    """What a click at a place of a picture (width, height) means, bool (H, W); the edge may differ by a pixel."""
    width, height = size
    scale = SIDE / max(size)
    down, across = np.mgrid[0:height, 0:width] + 0.5
    found: np.ndarray = np.hypot((across - x) * scale, (down - y) * scale) < radius
    return found
