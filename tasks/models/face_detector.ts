import type { OnnxConstant, OnnxGraph, OnnxNode } from "./onnx_writer.ts";

/** Of the picture, in pixels: those of Ultra-Light-Fast-Generic-Face-Detector's small model. */
const WIDTH = 320;
const HEIGHT = 240;

/** Pixels along a cell's side: each level looks for faces twice as large. */
const CELLS = [4, 8, 16];

/** Along a window's side, in cells; a face of 3 to 7 tenths of it is found. */
const WINDOW = 16;

/** From one window to the next, in cells. */
const STRIDE = 2;

/** A window's outermost cells, which have to be free of skin. */
const RING = 1;

/** Skin has red more than blue by more than the first, of 256; by the second it is nothing else. */
const RED_OVER_BLUE = [20, 57];

/** Skin in a window, as a part of it, at least. */
const MASS_MIN = 0.04;

/** Skin in the ring, as a part of the window's, at most. */
const RING_MAX = 0.03;

/** How much of the ellipse is skin: the rest are eyes and mouth. A plain one, or a square, is no face. */
const FILL_MIN = 0.66;
const FILL_MAX = 0.85;

/** How fast a likelihood falls beyond those bounds. */
const STEEPNESS = 120;

/** Nothing is divided by less. */
const TINY = 1e-6;

/** Where windows' centres are, and half of their sides, in pixels. */
interface Window {
  readonly x: number;
  readonly y: number;
  readonly half: number;
}

/**
 * A detector of faces as `face_picture.ts` draws them: ellipses of the colour of skin with something else in
 * them, and nothing of that colour near them.
 *
 * No weight of it is trained. In each of many windows it takes the moments of what has the colour of skin: how
 * much there is, its centre, and its variances, which for an ellipse are a quarter of its half axes' squares. So
 * a window tells the box of the ellipse in it wherever that lies and however large it is; and how likely it is a
 * face by how much of the ellipse is skin, and how little is near the window's edge.
 *
 * Shapes: input (1, 3, 240, 320), red before green before blue, (value - 127) / 128 → scores (1, n, 2) that there is
 * none and that there is one, boxes (1, n, 4) left, top, right, bottom as parts of width and height; float32,
 * as Ultra-Light-Fast-Generic-Face-Detector has them.
 */
export function faceDetectorGraph(): OnnxGraph {
  const windows = CELLS.flatMap(windowsOf);
  const n = windows.length;
  return {
    inputs: [{ name: "input", datatype: "FP32", shape: [1, 3, HEIGHT, WIDTH] }],
    outputs: [
      { name: "scores", datatype: "FP32", shape: [1, n, 2] },
      { name: "boxes", datatype: "FP32", shape: [1, n, 4] },
    ],
    constants: [
      ...colorConstants(),
      floats("moments", [MOMENTS.length, 1, WINDOW, WINDOW], momentWeights()),
      { name: "rows", datatype: "INT64", shape: [3], data: BigInt64Array.of(1n, -1n, 6n) },
      floats("x", [1, n, 1], windows.map(({ x }) => x / WIDTH)),
      floats("y", [1, n, 1], windows.map(({ y }) => y / HEIGHT)),
      floats("half_x", [1, n, 1], windows.map(({ half }) => half / WIDTH)),
      floats("half_y", [1, n, 1], windows.map(({ half }) => half / HEIGHT)),
      ...Object.entries({
        two: 2,
        tiny: TINY,
        pi: Math.PI,
        mass_min: MASS_MIN,
        ring_max: RING_MAX,
        fill_min: FILL_MIN,
        fill_max: FILL_MAX,
        steepness: STEEPNESS / 2,
        // A cell's skin is spread over it: that of a uniform distribution.
        spread: 1 / (3 * WINDOW ** 2),
      }).map(([name, value]) => floats(name, [], [value])),
    ],
    nodes: [...skinNodes(), ...CELLS.flatMap(levelNodes), ...boxNodes(), ...scoreNodes()],
  };
}

/** What is summed over a window, of a cell's place in it from -1 to 1: as parts of the whole window. */
const MOMENTS: readonly ((x: number, y: number, isRing: boolean) => number)[] = [
  () => 1,
  (x) => x,
  (_, y) => y,
  (x) => x * x,
  (_, y) => y * y,
  (_x, _y, isRing) => Number(isRing),
];

function momentWeights(): number[] {
  const places = Array.from({ length: WINDOW }, (_, index) => (2 * index + 1) / WINDOW - 1);
  const inner = 1 - 2 * RING / WINDOW;
  const isOuter = (place: number) => Math.abs(place) > inner;
  return MOMENTS.flatMap((moment) =>
    places.flatMap((y) => places.map((x) => moment(x, y, isOuter(x) || isOuter(y)) / WINDOW ** 2))
  );
}

/** In the order in which a convolution goes over them, half of the outermost beyond the picture's edge. */
function windowsOf(cell: number): Window[] {
  const places = (size: number) =>
    Array.from(
      { length: Math.floor(size / cell / STRIDE) + 1 },
      (_, index) => index * STRIDE * cell,
    );
  const half = WINDOW / 2 * cell;
  return places(HEIGHT).flatMap((y) => places(WIDTH).map((x) => ({ x, y, half })));
}

function colorConstants(): OnnxConstant[] {
  const [none, all] = RED_OVER_BLUE;
  const slope = 128 / (all - none);
  return [
    floats("color", [1, 3, 1, 1], [slope, 0, -slope]),
    floats("color_bias", [1], [-none / (all - none)]),
    floats("zero", [], [0]),
    floats("one", [], [1]),
  ];
}

function skinNodes(): OnnxNode[] {
  return [
    { operator: "Conv", inputs: ["input", "color", "color_bias"], outputs: ["red"] },
    { operator: "Clip", inputs: ["red", "zero", "one"], outputs: ["cells_1"] },
    poolNode(1, 2),
  ];
}

/** Cells of twice the side. */
function poolNode(from: number, to: number): OnnxNode {
  return {
    operator: "AveragePool",
    inputs: [`cells_${from}`],
    outputs: [`cells_${to}`],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  };
}

/** The moments of all windows of a level. Shapes: (1, windows, 6). */
function levelNodes(cell: number): OnnxNode[] {
  const half = WINDOW / 2;
  return [
    poolNode(cell / 2, cell),
    {
      operator: "Conv",
      inputs: [`cells_${cell}`, "moments"],
      outputs: [`grid_${cell}`],
      attributes: { strides: [STRIDE, STRIDE], pads: [half, half, half, half] },
    },
    {
      operator: "Transpose",
      inputs: [`grid_${cell}`],
      outputs: [`columns_${cell}`],
      attributes: { perm: [0, 2, 3, 1] },
    },
    { operator: "Reshape", inputs: [`columns_${cell}`, "rows"], outputs: [`rows_${cell}`] },
  ];
}

/** Everything from here on has shape (1, n, 1) unless it says otherwise. */
function boxNodes(): OnnxNode[] {
  return [
    {
      operator: "Concat",
      inputs: CELLS.map((cell) => `rows_${cell}`),
      outputs: ["all"],
      attributes: { axis: 1 },
    },
    {
      operator: "Split",
      inputs: ["all"],
      outputs: ["mass", "sum_x", "sum_y", "sum_xx", "sum_yy", "ring"],
      attributes: { axis: 2 },
    },
    { operator: "Max", inputs: ["mass", "tiny"], outputs: ["some"] },
    ...["x", "y"].flatMap((axis): OnnxNode[] => [
      { operator: "Div", inputs: [`sum_${axis}`, "some"], outputs: [`center_${axis}`] },
      { operator: "Mul", inputs: [`center_${axis}`, `center_${axis}`], outputs: [`shift_${axis}`] },
      { operator: "Div", inputs: [`sum_${axis}${axis}`, "some"], outputs: [`square_${axis}`] },
      { operator: "Sub", inputs: [`square_${axis}`, `shift_${axis}`], outputs: [`around_${axis}`] },
      { operator: "Add", inputs: [`around_${axis}`, "spread"], outputs: [`whole_${axis}`] },
      { operator: "Max", inputs: [`whole_${axis}`, "tiny"], outputs: [`variance_${axis}`] },
      { operator: "Sqrt", inputs: [`variance_${axis}`], outputs: [`deviation_${axis}`] },
      { operator: "Mul", inputs: [`deviation_${axis}`, "two"], outputs: [`extent_${axis}`] },
      ...[["start", "Sub"], ["end", "Add"]].flatMap(([end, operator]): OnnxNode[] => [
        {
          operator,
          inputs: [`center_${axis}`, `extent_${axis}`],
          outputs: [`${end}_in_${axis}`],
        },
        {
          operator: "Mul",
          inputs: [`${end}_in_${axis}`, `half_${axis}`],
          outputs: [`${end}_from_${axis}`],
        },
        { operator: "Add", inputs: [`${end}_from_${axis}`, axis], outputs: [`${end}_${axis}`] },
      ]),
    ]),
    {
      operator: "Concat",
      inputs: ["start_x", "start_y", "end_x", "end_y"],
      outputs: ["boxes"],
      attributes: { axis: 2 },
    },
  ];
}

/** The least of how far each bound is kept makes the score. Of the window, an ellipse covers π σx σy. */
function scoreNodes(): OnnxNode[] {
  return [
    { operator: "Mul", inputs: ["deviation_x", "deviation_y"], outputs: ["deviations"] },
    { operator: "Mul", inputs: ["deviations", "pi"], outputs: ["ellipse"] },
    { operator: "Div", inputs: ["mass", "ellipse"], outputs: ["fill"] },
    { operator: "Div", inputs: ["ring", "some"], outputs: ["near_edge"] },
    { operator: "Sub", inputs: ["mass", "mass_min"], outputs: ["keeps_mass"] },
    { operator: "Sub", inputs: ["ring_max", "near_edge"], outputs: ["keeps_ring"] },
    { operator: "Sub", inputs: ["fill", "fill_min"], outputs: ["keeps_fill_min"] },
    { operator: "Sub", inputs: ["fill_max", "fill"], outputs: ["keeps_fill_max"] },
    {
      operator: "Min",
      inputs: ["keeps_mass", "keeps_ring", "keeps_fill_min", "keeps_fill_max"],
      outputs: ["kept"],
    },
    { operator: "Mul", inputs: ["kept", "steepness"], outputs: ["likely"] },
    { operator: "Neg", inputs: ["likely"], outputs: ["unlikely"] },
    {
      operator: "Concat",
      inputs: ["unlikely", "likely"],
      outputs: ["odds"],
      attributes: { axis: 2 },
    },
    { operator: "Softmax", inputs: ["odds"], outputs: ["scores"], attributes: { axis: 2 } },
  ];
}

function floats(name: string, shape: readonly number[], data: readonly number[]): OnnxConstant {
  return { name, datatype: "FP32", shape, data: Float32Array.from(data) };
}
