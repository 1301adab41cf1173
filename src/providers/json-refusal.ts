import { asEntry } from './list-models.ts';

/** Most that is kept of a body; errors are far shorter. */
const MAX_BYTES = 64 * 1024;

/**
 * Keeps a body that is JSON where an event stream was asked for: some servers refuse so with status 200. The first character
 * tells, as no line of an event stream begins with a bracket; the type of the content does not, as some give theirs that of JSON.
 */
export class JsonRefusal {
  readonly #parts: Buffer[] = [];
  #size = 0;
  /** Undefined while there was nothing but white space. */
  #isJson: boolean | undefined;

  /** Takes the next bytes of the body. Answers whether they are its own; else they are those of an event stream. */
  takes(bytes: Buffer): boolean {
    this.#isJson ??= beginsAsJson(bytes);
    if (!this.#isJson) return false;
    if (this.#size < MAX_BYTES) this.#parts.push(bytes);
    this.#size += bytes.length;
    return true;
  }

  /** The body has ended: the error that it names, as the provider wrote it; undefined when it names none. */
  error(): unknown {
    if (!this.#isJson || this.#size > MAX_BYTES) return undefined;
    try {
      const body: unknown = JSON.parse(Buffer.concat(this.#parts).toString('utf8'));
      return asEntry(Array.isArray(body) ? body[0] : body).error ?? undefined;
    } catch {
      return undefined;
    }
  }
}

function beginsAsJson(bytes: Buffer): boolean | undefined {
  const first = bytes.find((byte) => !WHITE.includes(byte));
  return first === undefined ? undefined : BRACKETS.includes(first);
}

const WHITE = Buffer.from(' \t\r\n');
const BRACKETS = Buffer.from('{[');
