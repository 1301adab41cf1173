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

/** The head of the table. */
export const TABLE_HEAD = line(['row', 'value', 'baseline', 'ratio', 'target', '']);

/** A row as its line of the table. */
export function lineOf(row: Row): string {
  const baseline = row.baseline === undefined ? '' : `${short(row.baseline)} ${row.unit}`;
  const ratio = row.ratio === undefined ? '' : short(row.ratio);
  const value = `${short(row.value)} ${row.unit}`;
  return line([row.name, value, baseline, ratio, row.target, row.ok ? 'ok' : 'MISSED']);
}

function line(cells: string[]): string {
  const widths = [48, 14, 14, 8, 12, 6];
  return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' ');
}

function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toPrecision(3);
}
