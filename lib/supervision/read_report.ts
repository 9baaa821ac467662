import { DATATYPES } from "../tensor/datatype.ts";
import type { InstanceReport } from "./instance_protocol.ts";

const LOG_LEVELS = ["debug", "info", "warn", "error"];

/**
 * A message of an instance as the report that it claims to be; undefined if it is none.
 *
 * User code runs in instances, and has been known to get hold of what it was not given.
 */
export function readReport(message: unknown): InstanceReport | undefined {
  return isObject(message) && isReport(message) ? message as unknown as InstanceReport : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isReport(report: Fields): boolean {
  switch (report.type) {
    case "loaded":
      return isObject(report.metadata) && areSpecs(report.metadata.inputs) &&
        areSpecs(report.metadata.outputs) &&
        (report.inline === undefined || isObject(report.inline));
    case "loadFailed":
      return typeof report.code === "string" && typeof report.message === "string";
    case "ended":
      return true;
    case "quit":
      return typeof report.how === "string";
    case "log":
      return isObject(report.entry) && isLogEntry(report.entry);
    case "recorded":
      return isObject(report.statistics) && Object.values(report.statistics).every(isFigure);
    default:
      return false;
  }
}

function isLogEntry({ level, model, version, message }: Fields): boolean {
  return LOG_LEVELS.includes(level as string) &&
    [model, version, message].every((text) => typeof text === "string");
}

function isFigure(figure: unknown): boolean {
  return isObject(figure) &&
    ["count", "sum", "min", "max"].every((name) => typeof figure[name] === "number");
}

function areSpecs(specs: unknown): boolean {
  return Array.isArray(specs) &&
    specs.every((spec) =>
      isObject(spec) && typeof spec.name === "string" &&
      (DATATYPES as readonly unknown[]).includes(spec.datatype) &&
      Array.isArray(spec.shape) && spec.shape.every(Number.isInteger)
    );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
