import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import { REDIS_SWEEP_MS, REDIS_SWEPT_MAX } from "../limits.ts";
import { wrongCursor } from "./cursor.ts";
import { type RedisAnswer, type RedisCommand, RedisConnection } from "./redis_connection.ts";
import type { RunText } from "./run_text.ts";
import type { StoreOptions } from "./store_options.ts";
import type { RedisUrl } from "./store_url.ts";
import type { Begin, TextStore } from "./text_store.ts";

/** Where each part is, key by key. Source: spec invocation, "Behaviour"; the list is ours. */
const INPUTS: RedisCommand = ["select", 0];
const OUTPUTS: RedisCommand = ["select", 1];
const OURS: RedisCommand = ["select", 2];

/** In database 2: ids by when they were saved. */
const RUNS = "modelserver:runs";

/** In database 2: when the store was last checked. */
const CHECKED = "modelserver:checked";

/** Steps of a score in a millisecond: saves of one millisecond have their order. */
const STEPS_PER_MS = 1_000;

/** Runs that several servers have saved in the same step. */
const TIES_MAX = 64;

/**
 * Removes runs that were saved by ARGV[1], and the oldest beyond ARGV[2], at most ARGV[3] of both; tells how many.
 *
 * A script, since between reading which runs are the oldest and removing them one may be saved anew.
 */
const REMOVE_OLD = `
  redis.call('SELECT', 2)
  local most = tonumber(ARGV[3])
  local over = redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1])
  local many = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
  local count = math.min(most, math.max(over, many))
  if count <= 0 then return 0 end
  local ids = redis.call('ZRANGE', KEYS[1], 0, count - 1)
  redis.call('ZREM', KEYS[1], unpack(ids))
  redis.call('SELECT', 0)
  redis.call('DEL', unpack(ids))
  redis.call('SELECT', 1)
  redis.call('DEL', unpack(ids))
  return count
`;

/** Whatever was done can be asked again. */
const NO_OUTCOME = "";
const UNKNOWN = "; the outcome is not known";

const BEGIN: Begin = () => {};

/** Opens it even while no server is there: it goes on trying to connect. */
export async function openRedisStore(
  url: RedisUrl,
  options: StoreOptions,
  now: () => number = Date.now,
): Promise<RedisStore> {
  return new RedisStore(await RedisConnection.open(url, options.timeoutMs), options, now);
}

/**
 * Runs in Redis: inputs in database 0 and outputs in database 1, each under the id as decimal text, as JSON.
 *
 * A list of ids is in database 2. Everything that belongs together is one transaction, which selects its databases
 * itself, whatever was selected before. Runs that others have written are found though not listed, and stay for as
 * long as they are left; but one that another system wrote over a run of ours is as old as ours, and goes with it.
 * A save that was under way when the connection broke is not tried again: meanwhile another
 * may have saved a later run of that id.
 */
export class RedisStore implements TextStore {
  readonly #connection: RedisConnection;
  readonly #ttlMs: number | undefined;
  readonly #rowsMax: number;
  readonly #now: () => number;
  readonly #running = new Set<Promise<unknown>>();
  readonly #sweeper: ReturnType<typeof setInterval> | undefined;
  #score = 0;
  #sweeping = false;
  #closing = false;
  /** Why old runs could not be removed. */
  #fault: unknown;

  constructor(connection: RedisConnection, options: StoreOptions, now: () => number) {
    this.#connection = connection;
    this.#ttlMs = options.ttlMs;
    this.#rowsMax = options.rowsMax ?? Number.MAX_SAFE_INTEGER;
    this.#now = now;
    if (options.ttlMs !== undefined) {
      this.#sweeper = setInterval(() => this.#sweep(), REDIS_SWEEP_MS);
    }
  }

  async save({ id, input, output }: RunText, begin: Begin): Promise<void> {
    this.#score = Math.max(this.#score + 1, this.#now() * STEPS_PER_MS);
    const age = this.#ttlMs === undefined ? [] : ["PX", this.#ttlMs];
    const commands: RedisCommand[] = [
      INPUTS,
      ["set", id, input, ...age],
      OUTPUTS,
      ["set", id, output, ...age],
      OURS,
      ["zadd", RUNS, this.#score, id],
      ["zcard", RUNS],
    ];
    const answers = await this.#run(`save run ${id}`, commands, begin, UNKNOWN);
    if (Number(answers[6]) > this.#rowsMax) this.#sweep();
  }

  async find(id: number): Promise<RunText | undefined> {
    const [, score, , input, , output] = await this.#read(`find run ${id}`, [
      OURS,
      ["zscore", RUNS, id],
      INPUTS,
      ["get", id],
      OUTPUTS,
      ["get", id],
    ]);
    if (typeof input !== "string" || typeof output !== "string" || this.#isOver(score)) {
      return undefined;
    }
    return { id, input, output };
  }

  async delete(id: number, begin: Begin): Promise<boolean> {
    const commands: RedisCommand[] = [
      OURS,
      ["zscore", RUNS, id],
      ["zrem", RUNS, id],
      INPUTS,
      ["del", id],
      OUTPUTS,
      ["del", id],
    ];
    const [, score, , , input, , output] = await this.#run(
      `delete run ${id}`,
      commands,
      begin,
      UNKNOWN,
    );
    return input === 1 && output === 1 && !this.#isOver(score);
  }

  async list({ after, limit }: RunPage): Promise<readonly ListedRun[]> {
    const end = parseRedisCursor(after);
    const from = end?.score ?? "+inf";
    const until = `(${this.#overScore ?? "-inf"}`;
    const [, pairs] = await this.#read("list runs", [
      OURS,
      ["zrevrangebyscore", RUNS, from, until, "WITHSCORES", "LIMIT", 0, limit + TIES_MAX],
    ]);
    const listed: ListedRun[] = [];
    const texts = pairs as readonly string[];
    for (let index = 0; index < texts.length && listed.length < limit; index += 2) {
      const id = texts[index];
      const score = Number(texts[index + 1]);
      // Of the same score Redis lists by the text of the id, here backwards.
      if (end !== undefined && score === end.score && id >= end.id) continue;
      const savedMs = Math.floor(score / STEPS_PER_MS);
      listed.push({ id: Number(id), savedMs, cursor: `${score}:${id}` });
    }
    return listed;
  }

  /** By writing: a replica and a full server can be read. */
  async check(): Promise<void> {
    await this.#run("keep runs", [OURS, ["set", CHECKED, this.#now()]]);
    if (this.#fault !== undefined) throw this.#fault;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    // What is too much may be millions of runs: whoever opens the store next goes on with it.
    this.#closing = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#connection.close();
  }

  #run(what: string, commands: readonly RedisCommand[], begin = BEGIN, unknown = NO_OUTCOME) {
    return this.#finish(this.#connection.run(what, commands, begin, unknown));
  }

  #read(what: string, commands: readonly RedisCommand[]) {
    return this.#finish(this.#connection.read(what, commands));
  }

  /** `close` waits for it. */
  async #finish(running: Promise<readonly RedisAnswer[]>): Promise<readonly RedisAnswer[]> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Of runs that were saved when those that are over now were. */
  get #overScore(): number | undefined {
    return this.#ttlMs === undefined ? undefined : (this.#now() - this.#ttlMs) * STEPS_PER_MS;
  }

  #isOver(score: unknown): boolean {
    return score !== null && this.#overScore !== undefined && Number(score) <= this.#overScore;
  }

  /** Removes old runs, some at a time: Redis does nothing else meanwhile. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const over = this.#overScore ?? "-inf";
    try {
      let removed: unknown;
      do {
        [removed] = await this.#run("remove old runs", [
          ["eval", REMOVE_OLD, 1, RUNS, over, this.#rowsMax, REDIS_SWEPT_MAX],
        ]);
      } while (removed === REDIS_SWEPT_MAX && !this.#closing);
      this.#fault = undefined;
    } catch (error) {
      this.#fault = error;
    } finally {
      this.#sweeping = false;
    }
  }
}

/** @throws {OperationError} `invalid-argument` when it is none that this store has told */
function parseRedisCursor(cursor: string | undefined) {
  if (cursor === undefined) return undefined;
  const [, score, id] = /^([0-9]{1,16}):(-?[0-9]{1,10})$/.exec(cursor) ?? [];
  if (score === undefined) throw wrongCursor(cursor);
  return { score: Number(score), id };
}
