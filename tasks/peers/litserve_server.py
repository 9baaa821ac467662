"""The ONNX model on LitServe, without batches: one process for HTTP, one for the model."""

import litserve

from onnx_classifier import OnnxClassifier, ports


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self._classifier = OnnxClassifier()

    def decode_request(self, request):
        return request["x"]

    def predict(self, x):
        return self._classifier.predict(x)

    def encode_response(self, output):
        probabilities, kind = output
        return {"probabilities": probabilities.tolist(), "kind": kind.tolist()}


if __name__ == "__main__":
    (port,) = ports()
    server = litserve.LitServer(Classifier(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )
