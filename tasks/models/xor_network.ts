/** Shapes: hidden (HIDDEN, 2), hiddenBias (HIDDEN,), output (1, HIDDEN), outputBias (1,); float32. */
export interface XorWeights {
  readonly hidden: Float32Array;
  readonly hiddenBias: Float32Array;
  readonly output: Float32Array;
  readonly outputBias: Float32Array;
}

/** Units of the one hidden layer. Two could say it, but are harder to train. */
export const HIDDEN = 4;

/** A start that does not end in a local minimum, as some do. */
const SEED = 6;
const EPOCHS = 2_000;
const LEARNING_RATE = 0.1;

const SAMPLES = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]] as const;

/**
 * Trains y = w·relu(W·x + b) + c to be the exclusive or of two inputs, by gradient descent on the squared
 * error.
 *
 * Adds and multiplies alone, which are the same to the bit on every machine: so are the weights.
 */
export function trainXor(): XorWeights {
  const random = newRandom(SEED);
  const hidden = Float64Array.from({ length: 2 * HIDDEN }, random);
  const hiddenBias = new Float64Array(HIDDEN);
  const output = Float64Array.from({ length: HIDDEN }, random);
  let outputBias = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const [first, second, wanted] of SAMPLES) {
      const units = hiddenBias.map((bias, unit) =>
        Math.max(0, hidden[2 * unit] * first + hidden[2 * unit + 1] * second + bias)
      );
      const found = units.reduce((sum, value, unit) => sum + output[unit] * value, outputBias);
      const step = LEARNING_RATE * (wanted - found);
      units.forEach((value, unit) => {
        const stepInside = value > 0 ? step * output[unit] : 0;
        output[unit] += step * value;
        hidden[2 * unit] += stepInside * first;
        hidden[2 * unit + 1] += stepInside * second;
        hiddenBias[unit] += stepInside;
      });
      outputBias += step;
    }
  }
  return {
    hidden: Float32Array.from(hidden),
    hiddenBias: Float32Array.from(hiddenBias),
    output: Float32Array.from(output),
    outputBias: Float32Array.of(outputBias),
  };
}

/** Numbers from -1 to 1. Source: Park and Miller's generator, with the factor of 1993. */
function newRandom(seed: number): () => number {
  const modulus = 2 ** 31 - 1;
  let state = seed;
  return () => {
    state = state * 48_271 % modulus;
    return 2 * state / modulus - 1;
  };
}
