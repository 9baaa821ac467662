import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { LinearModel } from "../../lib/model/linear_model.ts";
import { openDying } from "../lock/dying_views.ts";

const COEFS_MAX = 5;

/** Two threads' handles on one model, the lock held by the first. */
function setUp() {
  const mutexMemory = SharedMutex.allocate();
  const memory = LinearModel.allocate({ coefsMax: COEFS_MAX });
  const mutex = new SharedMutex(mutexMemory, 1);
  const otherMutex = new SharedMutex(mutexMemory, 2);
  mutex.acquire();
  const other = new LinearModel(memory, otherMutex);
  /** The other thread's view as of now. */
  const refreshed = () => {
    mutex.release();
    {
      using _ = otherMutex.acquire();
      other.refresh();
    }
    mutex.acquire();
    return other;
  };
  return { model: new LinearModel(memory, mutex), memory, mutex, otherMutex, other, refreshed };
}

function predicted(model: LinearModel, ...x: number[]): number {
  return model.predict(Float64Array.from(x), x.length);
}

Deno.test("LinearModel.predict() is the product with the coefficients of the last refresh()", () => {
  const { model, other, refreshed } = setUp();
  model.replace(model.check([1, 2, 3]));
  assert.ok(!other.isSet, "nothing changes before a refresh");
  assert.equal(predicted(refreshed(), 1, 2, 3), 14);
  model.replace(model.check(Float32Array.of(2, 0)));
  assert.equal(predicted(other, 1, 2, 3), 14, "nothing changes before a refresh");
  assert.equal(predicted(refreshed(), 5, 7), 10);
  assert.equal(other.length, 2);
});

Deno.test("LinearModel.predict() reads no more of x than length", () => {
  const { model, refreshed } = setUp();
  model.replace(model.check([1, 1]));
  assert.equal(refreshed().predict(Float64Array.of(1, 2, NaN), 2), 3);
});

Deno.test("LinearModel.epoch grows with every replacement, equal ones too", () => {
  const { model, refreshed } = setUp();
  assert.equal(refreshed().epoch, 0);
  for (const epoch of [1, 2, 3]) {
    model.replace(model.check([1]));
    assert.equal(refreshed().epoch, epoch);
  }
  assert.equal(refreshed().epoch, 3);
});

Deno.test("LinearModel knows an empty list from none", () => {
  const { model, refreshed } = setUp();
  assert.equal(refreshed().length, undefined);
  assert.ok(!refreshed().isSet);
  model.replace(model.check([]));
  assert.equal(refreshed().length, 0);
  assert.ok(refreshed().isSet);
  assert.equal(predicted(refreshed()), 0);
});

Deno.test("LinearModel.predict() refuses what it cannot multiply", async (t) => {
  const { model, refreshed } = setUp();
  await t.step("without coefficients", () => {
    assert.throws(() => predicted(refreshed(), 1), {
      name: "OperationError",
      code: "failed-precondition",
      message: "Cannot predict: no coefficients were set",
    });
  });
  model.replace(model.check([1, 2, 3]));
  for (const x of [[], [1, 2], [1, 2, 3, 4]]) {
    await t.step(`${x.length} inputs`, () => {
      assert.throws(() => predicted(refreshed(), ...x), {
        name: "OperationError",
        code: "invalid-argument",
        message: `Cannot predict: ${x.length} inputs, 3 coefficients`,
      });
    });
  }
  await t.step("a length above that of x", () => {
    assert.throws(() => refreshed().predict(new Float64Array(2), 3), RangeError);
  });
});

Deno.test("LinearModel.check() refuses bad coefficients and changes nothing", async (t) => {
  const { model, refreshed } = setUp();
  model.replace(model.check([1, 2]));
  const refused: [number[], string, RegExp][] = [
    [[1, NaN], "invalid-argument", /coefficient 1 is NaN/],
    [[-Infinity], "invalid-argument", /coefficient 0 is -Infinity/],
    [[0, 0, 1e39], "invalid-argument", /coefficient 2 is 1e\+39/],
    [new Array(COEFS_MAX + 1).fill(1), "resource-exhausted", /6 given, at most 5/],
  ];
  for (const [coefs, code, message] of refused) {
    await t.step(`[${coefs}]`, () => {
      assert.throws(() => model.check(coefs), { name: "OperationError", code, message });
      assert.equal(refreshed().epoch, 1);
      assert.equal(predicted(refreshed(), 1, 1), 3);
    });
  }
  await t.step("as many as there may be are stored", () => {
    model.replace(model.check(new Array(COEFS_MAX).fill(1)));
    assert.equal(refreshed().length, COEFS_MAX);
  });
});

Deno.test("LinearModel keeps the old coefficients if a thread dies in replace()", () => {
  const { memory, mutex, otherMutex, model, refreshed } = setUp();
  model.replace(model.check([1, 2, 3]));
  for (let write = 0;; write++) {
    let writes = 0;
    const victim = openDying(() => {
      if (writes++ === write) throw new Error("died");
    }, () => new LinearModel(memory, otherMutex));
    mutex.release();
    otherMutex.acquire();
    let survived = true;
    try {
      victim.replace(Float32Array.of(9, 9));
    } catch (error) {
      if (error instanceof OperationError) throw error;
      survived = false;
    }
    assert.ok(mutex.takeOver(2));
    if (survived) {
      assert.ok(write > 2, `${write} writes`);
      assert.equal(predicted(refreshed(), 1, 1), 18);
      return;
    }
    assert.equal(predicted(refreshed(), 1, 1, 1), 6);
    assert.equal(refreshed().epoch, 1);
  }
});

Deno.test("LinearModel demands the lock to read and write what is shared", () => {
  const { model, mutex } = setUp();
  mutex.release();
  const coefs = model.check([1]);
  assert.throws(() => model.replace(coefs), { name: "TypeError", message: /nobody holds it/ });
  assert.throws(() => model.refresh(), { name: "TypeError", message: /nobody holds it/ });
});

Deno.test("LinearModel refuses bounds and memory that make no sense", () => {
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  for (const coefsMax of [0, -1, 1.5, NaN, 2 ** 24 + 1]) {
    assert.throws(() => LinearModel.allocate({ coefsMax }), RangeError);
  }
  for (const bytes of [0, 64, 76]) {
    assert.throws(() => new LinearModel(new SharedArrayBuffer(bytes), mutex), RangeError);
  }
});

Deno.test("LinearModel.predict() adds the products in order, in float64", () => {
  const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
  const pairs = fc.array(fc.tuple(float32, fc.double({ noNaN: true })), { maxLength: COEFS_MAX });
  fc.assert(fc.property(pairs, (pairs) => {
    const { model, refreshed } = setUp();
    model.replace(model.check(pairs.map(([coef]) => coef)));
    const sum = pairs.reduce((sum, [coef, x]) => sum + coef * x, 0);
    assert.ok(Object.is(predicted(refreshed(), ...pairs.map(([, x]) => x)), sum));
  }));
});
