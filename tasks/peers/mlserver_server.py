"""The ONNX model on MLServer, as a custom runtime in the process that serves: V2 over REST and gRPC."""

import asyncio
import tempfile

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from onnx_classifier import OnnxClassifier, ports


class Classifier(MLModel):
    async def load(self) -> bool:
        self._classifier = OnnxClassifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (x,) = payload.inputs
        probabilities, kind = self._classifier.predict(NumpyCodec.decode_input(x))
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                NumpyCodec.encode_output("probabilities", probabilities),
                NumpyCodec.encode_output("kind", kind),
            ],
        )


async def main() -> None:
    http_port, grpc_port = ports()
    settings = Settings(
        host="127.0.0.1",
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_endpoint=None,
        metrics_dir=tempfile.gettempdir(),
        parallel_workers=0,
        debug=False,
        gzip_enabled=False,
        load_models_at_startup=False,
        logging_settings={"version": 1, "root": {"level": "WARNING"}},
    )
    model = ModelSettings(name="classifier", implementation=Classifier)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
