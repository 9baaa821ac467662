import makeDecoder, { type MozJPEGModule } from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import wasm from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm" with { type: "bytes" };
import type { Image } from "./image.ts";
import { cannotDecode, wordsOf } from "./image_error.ts";
import { readJpegHead } from "./jpeg_head.ts";

/** Whose memory, which never shrinks, is kept for the next image: some 16 MB. */
const KEPT_PIXELS_MAX = 1_048_576;

/** What is kept of libjpeg's words: it has one for each thing that is wrong with a file. */
const WORDS_CHARS_MAX = 200;

/** Compiled once a thread, when the first JPEG comes. */
const module = await WebAssembly.compile(wasm);

let decoder: Decoder | undefined;

/**
 * A JPEG's pixels, by mozjpeg's decoder in WebAssembly: whatever it does, it does in memory of its own.
 *
 * It ends itself, as a program would, at a file that it cannot read; another is made for the next.
 *
 * @param bytes that begin with SOI
 * @throws {OperationError} `invalid-argument` with libjpeg's words, or saying what is wrong with the file
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<Image> {
  const { width, height } = readJpegHead(bytes);
  const taken = decoder ?? await openDecoder();
  decoder = undefined;
  taken.words = "";
  let decoded: ImageData | null;
  try {
    decoded = taken.module.decode(bytes as unknown as BufferSource, false);
  } catch (error) {
    throw cannotDecode("the JPEG", taken.words || wordsOf(error), error);
  }
  if (decoded === null) throw cannotDecode("the JPEG", taken.words || "it cannot be read");
  if (decoded.width !== width || decoded.height !== height) {
    throw cannotDecode("the JPEG", `its head says ${width}×${height}, its pixels do not`);
  }
  if (width * height <= KEPT_PIXELS_MAX) decoder = taken;
  // The rest of the image would be gray.
  if (taken.words.startsWith("Premature end")) throw cannotDecode("the JPEG", taken.words);
  const { buffer, byteOffset, length } = decoded.data;
  return { width, height, data: new Uint8Array(buffer as ArrayBuffer, byteOffset, length) };
}

/** A WebAssembly instance, and what it wrote on its stderr. */
interface Decoder {
  readonly module: MozJPEGModule;
  words: string;
}

async function openDecoder(): Promise<Decoder> {
  let opened: Decoder | undefined = undefined;
  const opening = await makeDecoder({
    noInitialRun: true,
    printErr: (line: string) => {
      if (opened !== undefined) opened.words = (opened.words || line).slice(0, WORDS_CHARS_MAX);
    },
    instantiateWasm: (
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ) => {
      const instance = new WebAssembly.Instance(module, imports);
      receive(instance);
      return instance.exports;
    },
  });
  opened = { module: opening, words: "" };
  return opened;
}
