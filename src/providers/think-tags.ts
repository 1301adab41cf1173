import type { EventSink } from './sse-exchange.ts';

const OPEN = '<think>';
const CLOSE = '</think>';

/**
 * Tells reasoning from text where a server sends both as one: open models write their thoughts first, between
 * `<think>` and `</think>`, and not every server that runs them takes these out. Only an answer that begins so is
 * split; a tag later on is text like any other. What is pushed is never empty.
 */
export class ThinkTags {
  #state: 'start' | 'thinking' | 'after' | 'text' = 'start';
  /** What may be the beginning of a tag. */
  #held = '';

  /** Takes the next piece of the content. */
  push(piece: string, out: EventSink): void {
    if (this.#state === 'text') out.push({ type: 'text', text: piece });
    else if (this.#state === 'start') this.#start(this.#held + piece, out);
    else if (this.#state === 'thinking') this.#think(this.#held + piece, out);
    else this.#after(piece, out);
  }

  /** The content has ended: gives what was held. */
  end(out: EventSink): void {
    if (this.#held) out.push({ type: this.#state === 'thinking' ? 'reasoning' : 'text', text: this.#held });
    this.#held = '';
  }

  #start(content: string, out: EventSink): void {
    const begun = content.trimStart();
    if (begun.length < OPEN.length && OPEN.startsWith(begun)) {
      this.#held = content;
      return;
    }
    this.#held = '';
    if (begun.startsWith(OPEN)) {
      this.#state = 'thinking';
      this.#think(begun.slice(OPEN.length), out);
    } else {
      this.#state = 'text';
      out.push({ type: 'text', text: content });
    }
  }

  #think(content: string, out: EventSink): void {
    const end = content.indexOf(CLOSE);
    const kept = end < 0 ? beginningOfClose(content) : 0;
    const thought = content.slice(0, end < 0 ? content.length - kept : end);
    this.#held = kept > 0 ? content.slice(-kept) : '';
    if (thought) out.push({ type: 'reasoning', text: thought });
    if (end < 0) return;
    this.#state = 'after';
    this.#after(content.slice(end + CLOSE.length), out);
  }

  /** The blank lines between the thoughts and the answer belong to neither. */
  #after(content: string, out: EventSink): void {
    const text = content.trimStart();
    if (!text) return;
    this.#state = 'text';
    out.push({ type: 'text', text });
  }
}

/** How many units at the end of the content may be the beginning of the closing tag. */
function beginningOfClose(content: string): number {
  for (let length = Math.min(CLOSE.length - 1, content.length); length > 0; length -= 1) {
    if (content.endsWith(CLOSE.slice(0, length))) return length;
  }
  return 0;
}
