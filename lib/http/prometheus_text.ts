/** The labels of a sample, by name. */
export type Labels = Readonly<Record<string, string>>;

/** A bucket of a histogram: how many values were at most `le`. Cumulative; the last has Infinity. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/**
 * Writes figures as Prometheus reads them.
 *
 * A family is begun, and its samples follow: the format wants them together.
 *
 * Source: Prometheus, "Exposition formats", text format 0.0.4.
 */
export class PrometheusText {
  readonly #lines: string[] = [];
  #family = "";

  /** Begins a family. @param help one sentence */
  begin(name: string, type: "counter" | "gauge" | "histogram" | "summary", help: string): void {
    this.#family = name;
    this.#lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
  }

  /** Adds a sample to the family. @param suffix what stands behind the family's name, such as `_sum` */
  sample(labels: Labels, value: number, suffix = ""): void {
    const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`);
    const list = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    this.#lines.push(`${this.#family}${suffix}${list} ${formatNumber(value)}`);
  }

  /** Adds a histogram's samples to the family. @param buckets ascending, the last with Infinity */
  histogram(labels: Labels, buckets: readonly Bucket[], sum: number): void {
    for (const { le, count } of buckets) {
      this.sample({ ...labels, le: formatNumber(le) }, count, "_bucket");
    }
    this.sample(labels, sum, "_sum");
    this.sample(labels, buckets.at(-1)?.count ?? 0, "_count");
  }

  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
