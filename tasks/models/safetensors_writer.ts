const encoder = new TextEncoder();

/** A safetensors file: the header, as an object or as its text, padded so that the data are aligned. */
export function safetensorsFile(
  header: string | object,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = encoder.encode(text);
  const headerBytes = Math.ceil(bytes.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + data.length).fill(0x20, 8);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(bytes, 8);
  file.set(data, 8 + headerBytes);
  return file;
}
