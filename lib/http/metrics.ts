import type { ModelStatistics, StatisticDuration } from "../inference/backend.ts";
import { type Bucket, type Labels, PrometheusText } from "./prometheus_text.ts";

/** What the metrics are made of. */
export interface MetricsInput {
  readonly models: readonly ModelStatistics[];
  /** Sums of the server by name, in camel case. */
  readonly counters: Readonly<Record<string, number>>;
  readonly version: string;
}

/** One family of figures of models. */
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** Its samples of one version, each with labels beside the model's and the version's. */
  readonly samples: (figures: ModelStatistics) => readonly (readonly [Labels, number])[];
}

const FAMILIES: readonly Family[] = [
  {
    name: "modelserver_requests_total",
    type: "counter",
    help: "Requests that were answered, well or not.",
    samples: ({ success, fail }) => [
      [{ outcome: "success" }, success.count],
      [{ outcome: "failure" }, fail.count],
    ],
  },
  {
    name: "modelserver_cache_requests_total",
    type: "counter",
    help: "Requests to models with a cache, by what they found in it.",
    samples: ({ cacheHit, cacheMiss, coalesced }) => [
      [{ result: "hit" }, cacheHit.count],
      [{ result: "miss" }, cacheMiss.count],
      [{ result: "coalesced" }, coalesced],
    ],
  },
  count(
    "modelserver_rows_total",
    "Rows that were computed.",
    ({ inferenceCount }) => inferenceCount,
  ),
  count("modelserver_batches_total", "Batches that were computed.", ({ executionCount }) => {
    return executionCount;
  }),
  count(
    "modelserver_rejected_total",
    "Requests that were refused since the queue was full.",
    (of) => {
      return of.rejected;
    },
  ),
  count(
    "modelserver_expired_total",
    "Requests that expired or were cancelled in the queue.",
    (of) => {
      return of.expired;
    },
  ),
  count("modelserver_instances_replaced_total", "Instances that died or hung.", (of) => {
    return of.instancesReplaced;
  }),
  seconds("modelserver_queue_seconds_total", "Time that requests waited.", ({ queue }) => queue),
  seconds("modelserver_compute_seconds_total", "Time that models computed.", (of) => of.compute),
  gauge("modelserver_queue_length", "Requests that wait now.", ({ queued }) => queued),
  gauge("modelserver_instances", "Instances that serve now.", ({ instances }) => instances),
  gauge(
    "modelserver_last_inference_timestamp_seconds",
    "When the last request was computed.",
    (of) => {
      return of.lastInferenceMs / 1_000;
    },
  ),
];

/** The sizes of batches that are told apart: powers of two, as batches are configured. */
const BATCH_ROWS = [...Array.from({ length: 11 }, (_, power) => 2 ** power), Infinity];

/**
 * All figures in Prometheus' text format: of each version of each model, and of the server.
 *
 * Units: seconds, rows. Cost: 10 µs for each version.
 * Source: Prometheus, "Metric and label naming".
 */
export function formatMetrics({ models, counters, version }: MetricsInput): string {
  const text = new PrometheusText();
  text.begin("modelserver_build_info", "gauge", "The server's version; always 1.");
  text.sample({ version }, 1);
  for (const [name, value] of Object.entries(counters)) {
    text.begin(`modelserver_${snakeCase(name)}_total`, "counter", `${sentence(name)}.`);
    text.sample({}, value);
  }
  if (models.length === 0) return text.toString();
  for (const { name, type, help, samples } of FAMILIES) {
    text.begin(name, type, help);
    for (const figures of models) {
      for (const [labels, value] of samples(figures)) {
        text.sample({ ...labelsOf(figures), ...labels }, value);
      }
    }
  }
  addHistograms(text, models);
  addRecorded(text, models);
  return text.toString();
}

function addHistograms(text: PrometheusText, models: readonly ModelStatistics[]): void {
  text.begin(
    "modelserver_request_duration_seconds",
    "histogram",
    "Time of requests that were answered.",
  );
  for (const figures of models) {
    const buckets = figures.latency.map(({ leMs, count }) => ({ le: leMs / 1_000, count }));
    text.histogram(labelsOf(figures), buckets, figures.success.totalMs / 1_000);
  }
  text.begin("modelserver_batch_rows", "histogram", "Rows of the batches that were computed.");
  for (const figures of models) {
    text.histogram(labelsOf(figures), batchBuckets(figures), figures.inferenceCount);
  }
}

function batchBuckets({ batches }: ModelStatistics): Bucket[] {
  return BATCH_ROWS.map((le) => ({
    le,
    count: batches.reduce((sum, { size, compute }) => size <= le ? sum + compute.count : sum, 0),
  }));
}

/** What models recorded, in units of their own: a name is a label, since it may have any characters. */
function addRecorded(text: PrometheusText, models: readonly ModelStatistics[]): void {
  const recorded = models.flatMap((figures) =>
    Object.entries(figures.recorded).map(([statistic, value]) => ({
      labels: { ...labelsOf(figures), statistic },
      value,
    }))
  );
  if (recorded.length === 0) return;
  text.begin(
    "modelserver_recorded",
    "summary",
    "Figures that models recorded, in their own units.",
  );
  for (const { labels, value } of recorded) {
    text.sample(labels, value.sum, "_sum");
    text.sample(labels, value.count, "_count");
  }
  for (const bound of ["min", "max"] as const) {
    const help = `The ${bound}imum of figures that models recorded.`;
    text.begin(`modelserver_recorded_${bound}`, "gauge", help);
    for (const { labels, value } of recorded) text.sample(labels, value[bound]);
  }
}

function labelsOf({ name, version }: ModelStatistics): Labels {
  return { model: name, version };
}

function count(name: string, help: string, value: (figures: ModelStatistics) => number): Family {
  return { name, type: "counter", help, samples: (figures) => [[{}, value(figures)]] };
}

function gauge(name: string, help: string, value: (figures: ModelStatistics) => number): Family {
  return { name, type: "gauge", help, samples: (figures) => [[{}, value(figures)]] };
}

function seconds(
  name: string,
  help: string,
  duration: (figures: ModelStatistics) => StatisticDuration,
): Family {
  return count(name, help, (figures) => duration(figures).totalMs / 1_000);
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function sentence(name: string): string {
  const words = snakeCase(name).replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}
