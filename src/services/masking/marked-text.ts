import type { Found } from './detector.ts';
import { mergeFound } from './merge-found.ts';
import type { NamedKind } from './named-kind.ts';
import { findInNamed } from './named-values.ts';

/** A text, and what of it is to be masked whatever it looks like: what its names said before they were lines. */
export interface MarkedText {
  text: string;
  marked: readonly Found[];
}

/** Writes a text, and marks in it what the names of its values say. */
export class MarkedTextWriter {
  readonly #parts: string[] = [];
  readonly #marked: Found[] = [];
  #units = 0;

  /** Writes what is not a value. */
  write(text: string): void {
    this.#parts.push(text);
    this.#units += text.length;
  }

  /** Writes a value. `written`: how a part of it is written. */
  writeValue(
    value: string | number,
    kind: NamedKind | undefined,
    written: (part: string) => string = String,
  ): void {
    const raw = String(value);
    const found = kind === undefined ? [] : mergeFound(raw, [...findInNamed(value, kind)]);
    let end = 0;
    for (const each of found) {
      this.write(written(raw.slice(end, each.start)));
      const start = this.#units;
      this.write(written(raw.slice(each.start, each.end)));
      this.#marked.push({ ...each, start, end: this.#units });
      end = each.end;
    }
    this.write(written(raw.slice(end)));
  }

  /** All that was written. */
  end(): MarkedText {
    return { text: this.#parts.join(''), marked: this.#marked };
  }
}

/** A text with another one before it. */
export const behind = (head: string, { text, marked }: MarkedText): MarkedText => ({
  text: head + text,
  marked: marked.map((found) => ({
    ...found,
    start: found.start + head.length,
    end: found.end + head.length,
  })),
});
