import { expect } from 'chai';

/** What the metrics of a process said at one moment. */
export interface MetricsReading {
  readonly text: string;
  /** The sum of all series of a name that have these labels. */
  sum(name: string, labels?: Record<string, string>): number;
  /** The values of a label. */
  values(name: string, label: string): string[];
}

interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Parses the text format 0.0.4, line by line; a line that is none fails the test. */
export function parseMetrics(text: string): MetricsReading {
  const series: Series[] = [];
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type?.[1]) {
      expect(typed.has(type[1]), `${type[1]} stands there twice`).to.equal(false);
      typed.add(type[1]);
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    // The default ones say this of a time in which nothing was measured.
    if (/^nan$/i.test(value)) continue;
    expect(Number(value), line).to.satisfy(Number.isFinite);
    expect(name, line).to.not.equal('');
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', of = '']) => [
      key,
      of,
    ]);
    series.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
  }
  const matching = (name: string, labels: Record<string, string>) =>
    series.filter(
      (each) => each.name === name && Object.entries(labels).every(([key, of]) => each.labels[key] === of),
    );
  return {
    text,
    sum: (name, labels = {}) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
    values: (name, label) => [...new Set(matching(name, {}).map(({ labels }) => labels[label] ?? ''))],
  };
}
