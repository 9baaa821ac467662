/** Prints a Markdown table. */
export function writeTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  write("\n");
  writeRow(head);
  writeRow(head.map(() => "---"));
  for (const row of rows) writeRow(row);
}

/** Prints one row of a Markdown table. */
export function writeRow(cells: readonly string[]): void {
  write(`| ${cells.join(" | ")} |\n`);
}

/** Prints text as it is. */
export function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
