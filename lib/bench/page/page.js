/** Draws the charts of a report's page. Runs in a browser, after uPlot; the page's JSON is its input. */

(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const logarithmic = document.getElementById("logarithmic");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const HEIGHT_PX = 280;
  const FONT = "12px system-ui, sans-serif";
  /** Charts of one key show the same second under the cursor. */
  const SECONDS = { key: "seconds" };

  /** By the id of their place; for whoever wants the numbers behind them. */
  const drawn = globalThis.charts = {};

  const digits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
  const number = { format: (value) => digits.format(value).replaceAll(",", " ") };
  const withUnit = (unit) => (_, value) =>
    value === null || value === undefined ? "–" : `${number.format(value)}${unit}`;

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

  function axis(values, more = {}) {
    const line = { stroke: color("line"), width: 1 };
    return { stroke: color("quiet"), font: FONT, grid: line, ticks: line, values, ...more };
  }

  function numberAxis(unit) {
    return axis((_, splits) => splits.map((value) => tick(value, unit)), { size: 72 });
  }

  function tick(value, unit) {
    return value === null ? null : `${number.format(value)}${unit}`;
  }

  function line(label, name, unit, more = {}) {
    const points = { fill: color("card"), size: 5 };
    return { label, stroke: color(name), width: 2, value: withUnit(unit), points, ...more };
  }

  /** From 0 to a little above the largest value, so that a chart does not make much of a little. */
  const fromZero = (_, _min, max) => [0, max > 0 ? max * 1.08 : 1];

  function draw(id, data, { series, axes, scales, cursor = {} }) {
    const place = document.getElementById(id);
    if (place === null) return;
    drawn[id]?.destroy();
    const size = { width: place.clientWidth, height: HEIGHT_PX };
    const drag = { x: false, y: false };
    const chart = new uPlot(
      { ...size, series, axes, scales, cursor: { drag, ...cursor } },
      data,
      place,
    );
    drawn[id] = chart;
  }

  /** One of n calls is the slowest: the end of the curve is drawn at 1 − 1/n, since 100 % is infinitely far. */
  function pointsOf({ curve, count }) {
    const times = new Map();
    let last = 1;
    for (const { percentile, valueMs } of curve) {
      last = percentile < 100 ? 100 / (100 - percentile) : Math.max(last, count);
      times.set(last, valueMs);
    }
    return [[...times.keys()], [...times.values()]];
  }

  const DECADE_PX_MIN = 56;

  /** 0, 50, 90, 99, 99.9 … %, fewer of them where they would stand upon each other. */
  function percentileSplits(chart, end) {
    const decades = Math.max(1, Math.log10(end));
    const decadePx = (chart.width - 80) / decades;
    const step = Math.ceil(DECADE_PX_MIN / decadePx);
    const splits = [];
    for (let power = 0; power <= decades; power += step) splits.push(10 ** power);
    return decadePx * Math.log10(2) < DECADE_PX_MIN / 2 ? splits : [1, 2, ...splits.slice(1)];
  }

  function percentileLabel(x) {
    if (x === 2) return "50%";
    const nines = Math.round(Math.log10(x));
    return nines === 0 ? "0%" : `${(100 - 100 / x).toFixed(Math.max(nines - 2, 0))}%`;
  }

  function drawPercentiles() {
    const isOpen = report.options.loop === "open";
    const shown = isOpen ? [report.latency, report.service] : [report.latency];
    const data = uPlot.join(shown.map(pointsOf));
    const end = Math.max(10, ...data[0]);
    const isLog = logarithmic.checked;
    const y = isLog ? { distr: 3, log: 10 } : { range: fromZero };
    if (isLog) {
      for (const times of data.slice(1)) times.forEach((ms, i) => ms > 0 || (times[i] = null));
    }
    draw("percentiles", data, {
      series: [
        {
          label: "percentile",
          value: (_, x) => x === null ? "–" : `${+(100 - 100 / x).toPrecision(7)}%`,
        },
        line("latency", "first", " ms", { spanGaps: true, points: { show: false } }),
        line("service", "second", " ms", { spanGaps: true, points: { show: false }, dash: [6, 4] }),
      ].slice(0, shown.length + 1),
      axes: [
        axis((_, xs) => xs.map(percentileLabel), {
          splits: (chart) => percentileSplits(chart, end),
          filter: (_, xs) => xs,
        }),
        numberAxis(" ms"),
      ],
      scales: { x: { time: false, distr: 3, log: 10, range: () => [1, end] }, y },
    });
  }

  function drawCourse() {
    const column = (pick) => report.series.map(pick);
    const seconds = column(({ second }) => second);
    // A second in which nothing was measured has times of 0.
    const times = (pick) => column((row) => pick(row) || null);
    // Where the run ended within its last second, that holds fewer answers for no other reason.
    const isWhole = ({ second }) => (second + 1) * 1000 <= report.elapsedMs;
    const areAllCut = !report.series.some(isWhole);
    const answers = column((row) => areAllCut || isWhole(row) ? row.calls - row.errors : null);
    const course = {
      cursor: { sync: SECONDS },
      scales: {
        x: { time: false, range: () => [0, Math.max(1, ...seconds)] },
        y: { range: fromZero },
      },
    };
    const secondAxis = axis((_, splits) => splits.map((value) => tick(value, " s")));
    const second = { label: "second", value: withUnit(" s") };
    draw("rate", [seconds, answers], {
      ...course,
      series: [second, line("answers", "first", "")],
      axes: [secondAxis, numberAxis("")],
    });
    draw("errors", [seconds, column(({ errors }) => errors)], {
      ...course,
      series: [second, line("errors", "bad", "")],
      axes: [secondAxis, numberAxis("")],
    });
    draw("times", [seconds, times((row) => row.p50Ms), times((row) => row.p99Ms)], {
      ...course,
      series: [
        second,
        line("p50", "first", " ms"),
        line("p99", "second", " ms", { dash: [6, 4] }),
      ],
      axes: [secondAxis, numberAxis(" ms")],
    });
  }

  function drawAll() {
    drawPercentiles();
    drawCourse();
  }

  drawAll();
  logarithmic.addEventListener("change", drawPercentiles);
  dark.addEventListener("change", drawAll);
  addEventListener("resize", () => {
    for (const chart of Object.values(drawn)) {
      chart.setSize({ width: chart.root.parentElement.clientWidth, height: HEIGHT_PX });
    }
  });
})();
