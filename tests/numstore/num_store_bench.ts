import { NumStore } from "../../lib/numstore/num_store.ts";
import { allocateNumStore, openNumStore } from "../../lib/numstore/num_store_memory.ts";
import { NUM_STORE_BYTES_DEFAULT, NUM_STORE_KEYS_DEFAULT } from "../../lib/limits.ts";
import { numStoreMethods } from "../../lib/services/numstore_contract.ts";

const store = new NumStore(openNumStore(
  allocateNumStore({
    keys: NUM_STORE_KEYS_DEFAULT,
    bytes: NUM_STORE_BYTES_DEFAULT,
    cacheEntries: 10,
  }),
  1,
));
for (let index = 0; index < 100; index++) store.setNum(`key${index}`, BigInt(index % 16));

let turn = 0n;
Deno.bench(
  "NumStore.setNum() of a key that is there",
  () => void store.setNum("key7", turn++ & 15n),
);
Deno.bench("NumStore.fact(), a hit", () => void store.fact("key9"));
Deno.bench("NumStore.fact() of a key that is not there", () => {
  try {
    store.fact("other");
  } catch {
    // That is what is measured.
  }
});

const { setNum } = numStoreMethods();
const request = { key: "key7", value: 15n };
const bytes = new Uint8Array(setNum.request.encodedBytesMax(request));
const end = setNum.request.encode(request, bytes, 0);
Deno.bench("decode a SetNumRequest", () => void setNum.request.decode(bytes, 0, end));
Deno.bench("encode a SetNumRequest", () => {
  setNum.request.encodedBytesMax(request);
  setNum.request.encode(request, bytes, 0);
});
