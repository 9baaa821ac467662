/** Between two columns. */
const GAP = "  ";

/**
 * Rows as lines of aligned columns: the first to the left, all others to the right, as numbers stand.
 * A line ends with its last text, and with a line break.
 *
 * @param rows of equal length; the first is the head
 */
export function formatRows(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((text, column) => column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column]))
      .join(GAP).trimEnd() + "\n"
  ).join("");
}
