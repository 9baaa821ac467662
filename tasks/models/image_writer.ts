import makeEncoder from "@jsquash/jpeg/codec/enc/mozjpeg_enc.js";
import wasm from "@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm" with { type: "bytes" };
import { defaultOptions } from "@jsquash/jpeg/meta.js";
import { encode } from "fast-png";
import type { Image } from "../../lib/images/image.ts";

const CHANNELS = 4;

/** A PNG's bytes: red, green, blue, without opacity. */
export function encodePng({ width, height, data }: Image): Uint8Array<ArrayBuffer> {
  const opaque = data.filter((_, index) => index % CHANNELS !== CHANNELS - 1);
  return Uint8Array.from(encode({ width, height, data: opaque, channels: 3 }));
}

/** How a JPEG is written. */
export interface JpegOptions {
  /** From 0 to 100. */
  readonly quality: number;
  readonly progressive: boolean;
}

/** A JPEG's bytes. */
export async function encodeJpeg(
  { width, height, data }: Image,
  options: JpegOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = await makeEncoder({
    noInitialRun: true,
    instantiateWasm: (
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ) => {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
      receive(instance);
      return instance.exports;
    },
  });
  return Uint8Array.from(encoder.encode(data, width, height, { ...defaultOptions, ...options }));
}
