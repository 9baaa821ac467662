import { LocalStore } from "../../lib/store/local_store.ts";
import { openRedisStore } from "../../lib/store/redis_store.ts";
import { parseStoreUrl, type RedisUrl } from "../../lib/store/store_url.ts";
import { testContract } from "./contract.ts";
import { hasRedis, RedisServer } from "./redis_server.ts";
import { openRemote, STORE_OPTIONS } from "./remote.ts";

const url = ({ port }: RedisServer) => parseStoreUrl(`redis://127.0.0.1:${port}`) as RedisUrl;

let nowMs = Date.now();

testContract("RedisStore", {
  open: async (options = {}) => {
    const server = await RedisServer.start();
    const whole = { ...STORE_OPTIONS, ...options };
    const store = new LocalStore(await openRedisStore(url(server), whole, () => nowMs));
    return {
      store,
      async [Symbol.asyncDispose]() {
        await store.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
  passMs: (ms) => {
    nowMs += ms;
  },
}, !hasRedis);

testContract("RedisStore in a thread", {
  open: async (options) => {
    const server = await RedisServer.start();
    const remote = await openRemote(url(server), options);
    return {
      store: remote.store,
      async [Symbol.asyncDispose]() {
        await remote[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
}, !hasRedis);
