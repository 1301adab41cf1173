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

/** A row whose ratio is to be reached: at most, or at least, that; neither: it is told beside another. */
export function ratioRow(row: {
  name: string;
  unit: string;
  value: number;
  baseline: number;
  most?: number;
  least?: number;
}): Row {
  const { most, least, ...measured } = row;
  const ratio = row.value / row.baseline;
  const target = most !== undefined ? `<= ${most}` : least !== undefined ? `>= ${least}` : '-';
  const ok = (most === undefined || ratio <= most) && (least === undefined || ratio >= least);
  return { ...measured, ratio, target, ok };
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
