import { LinearModel } from "../../lib/model/linear_model.ts";
import { roundTo4 } from "../../lib/model/rounding.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";

const LENGTH = 10;
const inputs = Float32Array.from({ length: LENGTH }, (_, index) => Math.sin(index) * 10);
const rounded = new Float64Array(LENGTH);
const mutex = new SharedMutex(SharedMutex.allocate(), 1);
const model = new LinearModel(LinearModel.allocate({ coefsMax: LENGTH }), mutex);
mutex.acquire();
model.replace(model.check(inputs));
model.refresh();
mutex.release();

Deno.bench("roundTo4 of 10 inputs", () => {
  if (roundTo4(inputs, LENGTH, rounded) !== undefined) throw new Error("Refused");
});

Deno.bench("LinearModel.predict of 10 inputs", () => {
  if (Number.isNaN(model.predict(rounded, LENGTH))) throw new Error("NaN");
});
