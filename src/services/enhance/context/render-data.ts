/** Deeper is told as JSON, on one line. */
const MAX_DEPTH = 4;

/**
 * Data of a host as lines of `name: "value"`, nested names joined by dots. Short texts are in quotation marks: so what a
 * name says is secret is known as that, whatever it looks like.
 *
 * @param omit a name that is left out
 */
export function renderData(data: Record<string, unknown>, omit?: string): string {
  const lines: string[] = [];
  const add = (name: string, value: unknown, depth: number): void => {
    if (value === null || value === '' || name === omit) return;
    if (typeof value === 'object' && depth < MAX_DEPTH) {
      for (const [key, each] of Object.entries(value)) add(`${name}.${key}`, each, depth + 1);
    } else lines.push(`${name}: ${renderValue(value)}`);
  };
  for (const [key, value] of Object.entries(data)) add(key, value, 1);
  return lines.join('\n');
}

function renderValue(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const text = value.trim();
  return /[\r\n]/.test(text) ? `\n${text}` : `"${text.replaceAll('"', "'")}"`;
}
