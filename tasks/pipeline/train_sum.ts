import { uniformFloat32 } from "pure-rand/distribution/uniformFloat32";
import { openStream, SHARED_STREAM } from "../../lib/workload/random_stream.ts";
import {
  type Layer,
  newActivations,
  newLayers,
  runBackward,
  runForward,
} from "./summing_network.ts";

const STEPS = 20_000;
const BATCH = 32;
const LEARNING_RATE = 0.003;

/** Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1. */
const DECAY_FIRST = 0.9;
const DECAY_SECOND = 0.999;
const EPSILON = 1e-8;

/** A parameter with its gradient of one batch, and Adam's running means of that and of its square. */
interface Parameter {
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * Trains a network to add two numbers of [0, 1), by Adam on the squared error, with steps that shrink to 0.
 *
 * Every number is stored as a float32, and computed by additions, multiplications, divisions and square
 * roots alone, which IEEE 754 rounds the same everywhere: a seed gives the same bytes on every machine.
 *
 * Cost: a second.
 *
 * @param seed an unsigned 32-bit integer
 */
export function trainSum(seed: number): readonly Layer[] {
  const random = openStream(seed, SHARED_STREAM);
  const layers = newLayers(random);
  const gradients = layers.map(emptyLike);
  const parameters = layers.flatMap((layer, index) => {
    const gradient = gradients[index];
    return [
      openParameter(layer.weight, gradient.weight),
      openParameter(layer.bias, gradient.bias),
    ];
  });
  const values = newActivations(layers);
  for (let step = 0; step < STEPS; step++) {
    for (let sample = 0; sample < BATCH; sample++) {
      const [left, right] = [uniformFloat32(random), uniformFloat32(random)];
      values[0].set([left, right]);
      runForward(layers, values);
      runBackward(layers, values, values[layers.length][0] - (left + right), gradients);
    }
    const rate = LEARNING_RATE * (1 - step / STEPS);
    for (const parameter of parameters) descend(parameter, rate, step + 1);
  }
  return layers;
}

function emptyLike({ name, inputs, outputs, weight, bias }: Layer): Layer {
  return {
    name,
    inputs,
    outputs,
    weight: new Float32Array(weight.length),
    bias: new Float32Array(bias.length),
  };
}

function openParameter(values: Float32Array, gradient: Float32Array): Parameter {
  const zeros = () => new Float32Array(values.length);
  return { values, gradient, first: zeros(), second: zeros() };
}

/** Takes one step down the mean gradient of the batch, and empties it for the next. */
function descend({ values, gradient, first, second }: Parameter, rate: number, step: number): void {
  // Both means begin at 0, which these make up for.
  const firstShare = 1 - power(DECAY_FIRST, step);
  const secondShare = 1 - power(DECAY_SECOND, step);
  for (let i = 0; i < values.length; i++) {
    const slope = gradient[i] / BATCH;
    first[i] = DECAY_FIRST * first[i] + (1 - DECAY_FIRST) * slope;
    second[i] = DECAY_SECOND * second[i] + (1 - DECAY_SECOND) * slope * slope;
    const size = Math.sqrt(second[i] / secondShare) + EPSILON;
    values[i] -= rate * (first[i] / firstShare) / size;
  }
  gradient.fill(0);
}

/** Math.pow may round differently on another machine. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base; exponent > 0; square *= square, exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result *= square;
  }
  return result;
}
