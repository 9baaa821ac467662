import { WORKLOADS_MAX } from "../bench/load_plan.ts";
import { OperationError } from "../errors.ts";
import { numberFrom } from "./flag_kind.ts";

/** A workload by its name, and its weight among others. */
export interface WorkloadName {
  readonly name: string;
  readonly weight: number;
  /** Whether it is a file's, whatever its name: it was in quotes. */
  readonly isFile: boolean;
}

const WEIGHT = numberFrom(0.001, 1_000_000);

/** What a weight is told from a part of a path by: a folder's colon, or that of a drive, has a slash behind it. */
const WEIGHT_BEHIND = /:([^:/\\]*)$/;

/** A name in quotes with its weight, or text, up to the comma behind it. */
const QUOTED = /^"((?:[^"]|"")+)"(?::([^,]*))?,/;
const PLAIN = /^([^,"]*),/;

/** The rule, for whoever has broken it. */
const RULE = "expected NAME or NAME:WEIGHT, with commas between several; " +
  'a file\'s name with a comma, a quote or a last colon of its own stands in quotes, as in "a,b.json":2';

/**
 * The workloads that a text lists: `random:3,numstore:1,w.json:2`.
 *
 * Commas are between workloads, and a weight is what follows the last colon of one, unless a slash is in it;
 * without it the weight is 1. A name in double quotes is a file's, and may hold any of them; a quote in it
 * is written twice. No name may be there twice.
 *
 * @param source what the text was given as, for error messages
 * @throws {OperationError} invalid-argument; the message has the rule
 *
 * @example
 * ```ts
 * import { parseWorkloadList } from "./workload_list.ts";
 * const [random, file] = parseWorkloadList('random:3,"a,b.json"', "--workload");
 * if (random.weight !== 3 || file.name !== "a,b.json") throw new Error(JSON.stringify(file));
 * ```
 */
export function parseWorkloadList(text: string, source: string): WorkloadName[] {
  const names: WorkloadName[] = [];
  const fail = (found: string, needed = RULE) =>
    new OperationError(
      "invalid-argument",
      `${source} is ${JSON.stringify(text)}, ${found}: ${needed}`,
    );
  for (let rest = `${text},`; rest !== "";) {
    const part = takePart(rest);
    if (part === undefined) throw fail("with a quote that is out of place");
    const { name, weightText, isFile, length } = part;
    if (name === "") throw fail("with a workload without a name");
    const weight = WEIGHT.parse(weightText);
    if (weight === undefined) {
      throw fail(`with the weight ${JSON.stringify(weightText)}`, `${RULE}; ${needOfWeight}`);
    }
    if (names.some((other) => other.name === name && other.isFile === isFile)) {
      throw fail(`with ${JSON.stringify(name)} twice`, "expected each workload once");
    }
    names.push({ name, weight, isFile });
    if (names.length > WORKLOADS_MAX) {
      throw fail(`with more than ${WORKLOADS_MAX} workloads`, `expected at most ${WORKLOADS_MAX}`);
    }
    rest = rest.slice(length);
  }
  return names;
}

const needOfWeight = `a weight is ${WEIGHT.expected}`;

interface Part {
  readonly name: string;
  readonly weightText: string;
  readonly isFile: boolean;
  /** Of the part's text with the comma behind it. */
  readonly length: number;
}

/** The first part of a list, each part of which has a comma behind it. */
function takePart(list: string): Part | undefined {
  const quoted = QUOTED.exec(list);
  if (quoted !== null) {
    const [{ length }, name, weightText = "1"] = quoted;
    return { name: name.replaceAll('""', '"'), weightText, isFile: true, length };
  }
  const plain = PLAIN.exec(list);
  if (plain === null) return undefined;
  const [{ length }, text] = plain;
  const weighted = WEIGHT_BEHIND.exec(text);
  if (weighted === null) return { name: text, weightText: "1", isFile: false, length };
  return { name: text.slice(0, weighted.index), weightText: weighted[1], isFile: false, length };
}
