"""The ONNX model on BentoML, without batches: one worker process."""

import os
import sys

import bentoml

from onnx_classifier import OnnxClassifier, ports


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Classifier:
    def __init__(self):
        self._classifier = OnnxClassifier()

    @bentoml.api
    async def predict(self, x: list[list[float]]) -> dict:
        # Beside the event loop it would take a thread's turn, longer than the model.
        probabilities, kind = self._classifier.predict(x)
        return {"probabilities": probabilities.tolist(), "kind": kind.tolist()}


if __name__ == "__main__":
    (port,) = ports()
    os.execv(
        sys.executable,
        [sys.executable, "-m", "bentoml", "serve", "bentoml_server:Classifier"]
        + ["--working-dir", os.path.dirname(os.path.abspath(__file__))]
        + ["--host", "127.0.0.1", "--port", str(port)],
    )
