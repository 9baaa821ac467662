/** A kind of value that a flag can have, and its words for what is expected. */
export interface FlagKind<T> {
  /** Completes "expected …" in an error message. */
  readonly expected: string;
  /** The value, or undefined if the text is none of this kind. */
  readonly parse: (text: string) => T | undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Any name that DNS, a hosts file or Docker may resolve, and any IP address. */
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

/** The longest domain name. Source: RFC 1035 §2.3.4. */
const HOST_CHARS_MAX = 253;

/** An integer of decimal digits from `min` to `max`, both included. */
export function integerFrom(min: number, max: number): FlagKind<number> {
  return within(min, max, {
    expected: `an integer from ${min} to ${max}`,
    parse: (text) => /^\d+$/.test(text) ? Number(text) : undefined,
  });
}

/** A decimal number of seconds from `min` to `max`, both included, fractions allowed. */
export function secondsFrom(min: number, max: number): FlagKind<number> {
  return within(min, max, {
    expected: `a number of seconds from ${min} to ${max}`,
    parse: (text) => /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined,
  });
}

/** A decimal number from `min` to `max`, both included, fractions allowed. */
export function numberFrom(min: number, max: number): FlagKind<number> {
  return within(min, max, {
    expected: `a number from ${min} to ${max}`,
    parse: (text) => /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined,
  });
}

/** A time with its unit, from `minMs` to `maxMs`, both included; in milliseconds. */
export function durationFrom(minMs: number, maxMs: number): FlagKind<number> {
  return within(minMs, maxMs, {
    expected: `a time from ${formatMs(minMs)} to ${formatMs(maxMs)}, such as 500ms, 10s or 2m`,
    parse(text) {
      const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
      return count === undefined ? undefined : Number(count) * UNIT_MS[unit];
    },
  });
}

/** A number of bytes, plain or with the unit KiB, MiB or GiB. */
export function bytesFrom(min: number, max: number): FlagKind<number> {
  return within(min, max, {
    expected: `bytes from ${formatBytes(min)} to ${formatBytes(max)}, ` +
      "as a plain integer or with KiB, MiB or GiB",
    parse(text) {
      const [, count, unit] = /^(\d+)(|KiB|MiB|GiB)$/.exec(text) ?? [];
      return count === undefined ? undefined : Number(count) * UNIT_BYTES[unit];
    },
  });
}

/** One of the given words. */
export function oneOf<T extends string>(words: readonly T[]): FlagKind<T> {
  return { expected: words.join(" or "), parse: (text) => words.find((word) => word === text) };
}

/** What `kind` takes, or a word for a value that no text of `kind` gives. */
export function orWord<T, Word extends string>(kind: FlagKind<T>, word: Word): FlagKind<T | Word> {
  return {
    expected: `${kind.expected}, or ${word}`,
    parse: (text) => text === word ? word : kind.parse(text),
  };
}

/** A host name or an IP address; an IPv6 address without brackets. */
export const HOST: FlagKind<string> = {
  expected: "a host name or an IP address",
  parse: (text) => isHostName(text) || isIpv6(text) ? text : undefined,
};

/** A file's name; whether there is such a file is for whoever reads it. */
export const FILE: FlagKind<string> = {
  expected: "a file",
  parse: (text) => text === "" || text.includes("\0") ? undefined : text,
};

/** On or off. */
export const SWITCH: FlagKind<boolean> = {
  expected: "true or false",
  parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
};

/** Whether the text may be a host name or an IPv4 address; whether it exists is for the resolver. */
export function isHostName(text: string): boolean {
  return text.length <= HOST_CHARS_MAX && HOST_NAME.test(text);
}

/** Whether the text is an IPv6 address, without brackets and zone. */
export function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

/** `4096` as `4 KiB`: in the largest unit that divides it. */
function formatBytes(bytes: number): string {
  const unit = ["GiB", "MiB", "KiB"].find((name) => bytes % UNIT_BYTES[name] === 0);
  return unit === undefined ? `${bytes}` : `${bytes / UNIT_BYTES[unit]} ${unit}`;
}

/** `60000` as `1m`: in the largest unit that divides it. */
function formatMs(ms: number): string {
  if (ms === 0) return "0s";
  const unit = ["h", "m", "s"].find((name) => ms % UNIT_MS[name] === 0) ?? "ms";
  return `${ms / UNIT_MS[unit]}${unit}`;
}

function within(min: number, max: number, kind: FlagKind<number>): FlagKind<number> {
  return {
    expected: kind.expected,
    parse(text) {
      const value = kind.parse(text);
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
  };
}
