import { isHighSurrogate } from '../base/text.ts';

const REPLACEMENT = '\uFFFD';

/**
 * Makes model output safe to store and to send: NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 cannot
 * hold them) become U+FFFD. One cleaner per stream of text; however the text is cut into chunks, the
 * concatenation of what comes out is the same.
 */
export class TextCleaner {
  #held = '';

  /**
   * The next chunk, clean. A trailing high surrogate waits for the chunk after, so the answer may be empty,
   * and never ends inside a pair.
   */
  clean(chunk: string): string {
    let text = this.#held + chunk;
    this.#held = '';
    if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (!text.isWellFormed()) text = text.toWellFormed();
    return text.includes('\0') ? text.replaceAll('\0', REPLACEMENT) : text;
  }

  /** What is left when the text has ended: U+FFFD for half a pair, else nothing. */
  flush(): string {
    const rest = this.#held && REPLACEMENT;
    this.#held = '';
    return rest;
  }
}

/** A whole text, clean like what a {@link TextCleaner} gives. */
export function cleanText(text: string): string {
  const cleaner = new TextCleaner();
  return cleaner.clean(text) + cleaner.flush();
}
