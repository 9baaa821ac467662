"""The model of every Python peer: an ONNX file under onnxruntime, on one thread."""

import os

import numpy
import onnxruntime


class OnnxClassifier:
    """Shapes: x (n, 4) float32 -> probabilities (n, 3) float32, kind (n,) int64."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"]
        )

    def predict(self, x):
        return self._session.run(["probabilities", "kind"], {"x": numpy.asarray(x, numpy.float32)})


def ports():
    """The ports that this server is to take."""
    return [int(port) for port in os.environ["PEER_PORTS"].split(",")]
