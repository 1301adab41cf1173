/** One line of the table. */
export interface Row {
  name: string;
  /** What was measured, absolutely. */
  value: number;
  unit: string;
  /** The baseline of the same run, absolutely. */
  baseline?: number;
  /** `value` / `baseline`, or the difference where the target is one. */
  ratio?: number;
  /** What is to be reached, in words. */
  target: string;
  ok: boolean;
}

/** The middle one. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Prints the table. */
export function printTable(rows: Row[]): void {
  const line = (cells: string[]) => {
    const widths = [44, 14, 14, 8, 12, 4];
    return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' ');
  };
  console.log(line(['row', 'value', 'baseline', 'ratio', 'target', '']));
  for (const row of rows) {
    const baseline = row.baseline === undefined ? '' : `${short(row.baseline)} ${row.unit}`;
    const ratio = row.ratio === undefined ? '' : short(row.ratio);
    console.log(
      line([
        row.name,
        `${short(row.value)} ${row.unit}`,
        baseline,
        ratio,
        row.target,
        row.ok ? 'ok' : 'MISSED',
      ]),
    );
  }
}

function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toPrecision(3);
}
