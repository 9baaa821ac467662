import process from "node:process";
import type { Redis } from "ioredis";
import { OperationError } from "../errors.ts";
import { REDIS_RECONNECT_MS, REDIS_RECONNECT_MS_MAX } from "../limits.ts";
import { describeStore, type RedisUrl } from "./store_url.ts";

/** A command, in small letters, and its arguments. */
export type RedisCommand = readonly [name: string, ...given: (string | number)[]];

/** What a command was answered with, as far as ours are. */
export type RedisAnswer = string | number | null | readonly string[];

/** Runs commands that only read, of which its argument is a list in JSON; tells their answers. */
const READ = `
  local answers = {}
  for index, command in ipairs(cjson.decode(ARGV[1])) do
    answers[index] = redis.call(unpack(command))
  end
  return answers
`;

/** Of the databases that are used: without it there would be none of a number. */
const DATABASE_LAST = 2;

const NO_REDIS = "what answers there is no Redis";

const UNTRUSTED = "no TLS with it, needs a certificate of an authority that is known here";

/**
 * A connection to Redis that comes back by itself, and never keeps anybody waiting: what is asked for while it is
 * down fails at once, and what was under way when it broke fails then, and is not asked for again.
 *
 * Nothing that it says holds the user or the password.
 */
export class RedisConnection {
  readonly #url: RedisUrl;
  readonly #client: Redis;
  /** Why it is down; undefined while it is up. */
  #problem: string | undefined = "it has not been connected yet";
  readonly #settled = Promise.withResolvers<void>();

  private constructor(url: RedisUrl, client: Redis) {
    this.#url = url;
    this.#client = client;
    forgiveSelect(client);
    client.on("error", (error: unknown) => this.#onProblem(textOf(error)));
    client.on("close", () => this.#problem ??= "the connection was closed");
    client.on("ready", () => this.#onReady());
  }

  /** Resolves when it is up, or the first attempt has failed: then it goes on trying. */
  static async open(url: RedisUrl, timeoutMs: number): Promise<RedisConnection> {
    hideEnvironment();
    const { Redis } = await import("ioredis");
    const connection = new RedisConnection(url, new Redis(optionsOf(url, timeoutMs)));
    connection.#client.connect().catch(() => {});
    await connection.#settled.promise;
    return connection;
  }

  /**
   * Runs commands as one: all or, where one is refused beforehand, none.
   *
   * @param what could not be done: `save run 7`
   * @param begin called when they are about to be sent
   * @returns an answer for each
   * @throws {OperationError} `unavailable`, with `unknown` in its message where they may have been run
   */
  async run(
    what: string,
    commands: readonly RedisCommand[],
    begin: () => void,
    unknown: string,
  ): Promise<readonly RedisAnswer[]> {
    if (this.#problem !== undefined) throw this.#error(what, this.#problem);
    begin();
    let answers;
    try {
      answers = await this.#client.multi(commands.map((command) => [...command])).exec();
    } catch (error) {
      // Redis refuses a transaction as a whole.
      const wasRefused = error instanceof Error && error.name === "ReplyError";
      throw this.#error(what, reasonOf(error), wasRefused ? "" : unknown);
    }
    if (answers === null) throw this.#error(what, "Redis has not run it");
    const failed = answers.find(([error]) => error !== null)?.[0];
    if (failed) throw this.#error(what, failed.message, unknown);
    const given = answers.map(([, answer]) => answer as RedisAnswer);
    if (areAnswers(commands, given)) return given;
    throw this.#error(what, NO_REDIS, unknown);
  }

  /**
   * Runs commands that only read as one, of a server that is full too.
   *
   * @throws {OperationError} `unavailable`
   */
  async read(what: string, commands: readonly RedisCommand[]): Promise<readonly RedisAnswer[]> {
    try {
      return await this.run(what, commands, () => {}, "");
    } catch (error) {
      if (!(error instanceof OperationError && error.message.includes(": OOM "))) throw error;
    }
    // It takes no transaction then, as it would have to hold what it is told in it.
    let answers: unknown;
    try {
      const told = JSON.stringify(commands.map((command) => command.map(String)));
      answers = await this.#client.eval(READ, 0, told);
    } catch (error) {
      throw this.#error(what, reasonOf(error));
    }
    if (Array.isArray(answers) && areAnswers(commands, answers)) return answers;
    throw this.#error(what, NO_REDIS);
  }

  close(): void {
    this.#client.disconnect();
  }

  #onProblem(problem: string): void {
    // All that Deno says of a handshake that fails with a command under way.
    this.#problem = this.#url.tls && problem === "write UNKNOWN" ? UNTRUSTED : problem;
    this.#settled.resolve();
  }

  /** A cluster, and a server with fewer databases, would take what is meant for another one. */
  async #onReady(): Promise<void> {
    try {
      await this.#client.select(DATABASE_LAST);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `${textOf(error)}, needs databases 0 to ${DATABASE_LAST}`;
    }
    this.#settled.resolve();
  }

  #error(what: string, problem: string, outcome = ""): OperationError {
    const shown = withoutSecrets(problem, this.#url);
    const message = `Cannot ${what} in ${describeStore(this.#url)}: ${shown}${outcome}`;
    return new OperationError("unavailable", message);
  }
}

/** ioredis selects by itself once it is connected again, and nobody would hear that it was refused. */
function forgiveSelect(client: Redis): void {
  const select = client.select.bind(client) as (index: number) => Promise<"OK">;
  client.select = (index: number) => {
    const selected = select(index);
    selected.catch(() => {});
    return selected;
  };
}

/** Whether they may be Redis' answers: something else that says OK to all has kept nothing. */
function areAnswers(commands: readonly RedisCommand[], answers: readonly RedisAnswer[]): boolean {
  return commands.every(([name], index) => isAnswer(name, answers[index]));
}

function isAnswer(name: string, answer: RedisAnswer | undefined): boolean {
  switch (name) {
    case "select":
    case "set":
      return answer === "OK";
    case "get":
    case "zscore":
      return answer === null || typeof answer === "string";
    case "zrevrangebyscore":
      return Array.isArray(answer);
    default:
      return typeof answer === "number";
  }
}

function optionsOf(url: RedisUrl, timeoutMs: number) {
  const { host, port, username, password, tls } = url;
  return {
    host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    // Servers that do not know a later one repeat what they were sent, the password included.
    protocol: 2 as const,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    // A server that says nothing for as long is as good as none.
    socketTimeout: timeoutMs,
    disableClientInfo: true,
    retryStrategy: (attempt: number) =>
      Math.min(REDIS_RECONNECT_MS * 2 ** Math.min(attempt, 10), REDIS_RECONNECT_MS_MAX),
  };
}

/**
 * ioredis's logger reads all of the environment when it is loaded; where this thread may not, it sees none.
 * It would also log passwords if DEBUG asked for it.
 */
function hideEnvironment(): void {
  if (Deno.permissions.querySync({ name: "env" }).state === "granted") return;
  Object.defineProperty(process, "env", { value: {} });
}

/** Why a transaction was refused stands in the errors of its commands. */
function reasonOf(error: unknown): string {
  // ioredis tells of its option that nothing is asked for again.
  if (error instanceof Error && error.name === "MaxRetriesPerRequestError") {
    return "the connection was closed before it answered";
  }
  const before = (error as { previousErrors?: readonly Error[] }).previousErrors?.[0];
  return textOf(before ?? error);
}

/** Of several addresses that were tried there is no message, only a code. */
function textOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}

function withoutSecrets(text: string, { username, password }: RedisUrl): string {
  return [password, username].reduce<string>(
    (shown, secret) => secret === undefined ? shown : shown.replaceAll(secret, "…"),
    text,
  );
}
