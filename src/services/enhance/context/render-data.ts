import { type MarkedText, MarkedTextWriter } from '../../masking/marked-text.ts';
import { type NameAbove, type NamedKind, namedKind } from '../../masking/named-kind.ts';

/**
 * Deeper is told as JSON, on one line; and so is what stands below a longer path, in UTF-16 code units: it would be said
 * again for each of the values.
 */
const [MAX_DEPTH, MAX_PATH_UNITS] = [4, 200];
const TOP: NameAbove = { name: '', kind: undefined };

/**
 * Data of a host as lines of `name: "value"`, nested names joined by dots. Values are marked by what all names above them
 * say: lines do not tell any more that a `value` is that of a password. Short texts are in quotation marks, so that
 * they end where they do.
 *
 * @param omit a name that is left out
 */
export function renderData(data: Record<string, unknown>, omit?: string): MarkedText {
  const writer = new MarkedTextWriter();
  let lineEnd = '';
  const add = (path: string, value: unknown, above: NameAbove, depth: number): void => {
    if (value === null || value === '' || path === omit) return;
    if (typeof value === 'object' && depth < MAX_DEPTH && path.length <= MAX_PATH_UNITS) {
      for (const [name, each, below] of entriesOf(value, above))
        add(`${path}.${name}`, each, below, depth + 1);
      return;
    }
    writer.write(`${lineEnd}${path}: `);
    lineEnd = '\n';
    if (typeof value === 'string') writeText(writer, value.trim(), above.kind);
    else writeJson(writer, value, above);
  };
  for (const [name, value, below] of entriesOf(data, TOP)) add(name, value, below, 1);
  return writer.end();
}

/** What a field that a user of the host has made is called: `{ "label": "Password", "value": "…" }`. */
const LABEL = /^(?:name|label|key|field(?:_?name)?)$/i;
/** Where its value stands. */
const LABELLED = /^val(?:ue)?s?$/i;
/** Longer is no name, in UTF-16 code units. */
const MAX_LABEL_UNITS = 60;

/** What stands in an object or an array, each with what is said of it. The places of an array say nothing. */
function* entriesOf(
  value: object,
  above: NameAbove,
): Generator<[name: string, value: unknown, at: NameAbove]> {
  if (Array.isArray(value)) {
    for (const [place, each] of Object.entries(value)) yield [place, each, above];
    return;
  }
  const entries = Object.entries(value);
  const labelled = labelledBy(entries, above);
  for (const [name, each] of entries) {
    yield [name, each, { name, kind: namedKind(name, LABELLED.test(name) ? labelled : above) }];
  }
}

/** Of several labels the one that says something: a field may have an id beside its name. */
function labelledBy(entries: [name: string, value: unknown][], above: NameAbove): NameAbove {
  for (const [name, label] of entries) {
    if (!LABEL.test(name) || typeof label !== 'string' || label.length > MAX_LABEL_UNITS) continue;
    const kind = namedKind(label, above);
    if (kind !== undefined) return { name: label, kind };
  }
  return above;
}

function writeText(writer: MarkedTextWriter, text: string, kind: NamedKind | undefined): void {
  if (/[\r\n]/.test(text)) {
    writer.write('\n');
    writer.writeValue(text, kind);
    return;
  }
  writer.write('"');
  writer.writeValue(text, kind, (part) => part.replaceAll('"', "'"));
  writer.write('"');
}

/** As `JSON.stringify` does. */
function writeJson(writer: MarkedTextWriter, value: unknown, at: NameAbove): void {
  if (typeof value === 'number') writer.writeValue(value, at.kind);
  else if (typeof value === 'string') {
    writer.write('"');
    writer.writeValue(value, at.kind, (part) => JSON.stringify(part).slice(1, -1));
    writer.write('"');
  } else if (typeof value !== 'object' || value === null) writer.write(JSON.stringify(value));
  else {
    const isArray = Array.isArray(value);
    let before = isArray ? '[' : '{';
    for (const [name, each, below] of entriesOf(value, at)) {
      writer.write(isArray ? before : `${before}${JSON.stringify(name)}:`);
      writeJson(writer, each, below);
      before = ',';
    }
    const isEmpty = before !== ',';
    writer.write(`${isEmpty ? before : ''}${isArray ? ']' : '}'}`);
  }
}
