/** A picture in memory. */
export interface Image {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** Shapes: (height, width, 4) uint8, row-major: red, green, blue, opacity, which multiplies none of them. */
  readonly data: Uint8Array<ArrayBuffer>;
}
