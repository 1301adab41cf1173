import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';

/** The line that is being typed, where there is one: whatever is printed goes above it. */
export interface Prompt {
  hide(): void;
  show(): void;
}

type Stream = Writable & Partial<Pick<WriteStream, 'isTTY' | 'hasColors'>>;

/**
 * What the client prints. Replies go to `out`, exactly as they are when that is not a terminal; all else, dimmed, to
 * `err`. So `npm run --silent chat < questions > answers` does what one expects.
 */
export class View {
  readonly #out: Stream;
  readonly #err: Stream;
  #prompt: Prompt | undefined;
  #atLineStart = true;
  /** What was printed last of the reply that is being shown. */
  #part: 'text' | 'reasoning' = 'text';

  constructor(out: Stream, err: Stream) {
    this.#out = out;
    this.#err = err;
  }

  /** Whether a person looks at it. */
  get isTerminal(): boolean {
    return this.#out.isTTY === true;
  }

  /** More of a reply. */
  text(text: string): void {
    if (text === '') return;
    this.#turnTo('text');
    this.#out.write(this.isTerminal ? harmless(text) : text);
    this.#atLineStart = text.endsWith('\n');
  }

  /** More of what a model thinks before it answers. Only for a person who looks at it: it is no part of the reply. */
  reasoning(text: string): void {
    if (text === '' || !this.isTerminal) return;
    this.#turnTo('reasoning');
    this.#out.write(this.#dimmed(this.#out, harmless(text)));
    this.#atLineStart = text.endsWith('\n');
  }

  /** What was shown of the reply is void, and it begins again. */
  restart(): void {
    this.endReply();
    this.#out.write(`${this.#dimmed(this.#out, '--- interrupted; the reply starts over ---')}\n`);
  }

  /** Nothing more of this reply comes. */
  endReply(): void {
    this.endLine();
    this.#part = 'text';
  }

  /** Ends the last line of a reply, unless it has ended itself. */
  endLine(): void {
    if (!this.#atLineStart) this.#out.write('\n');
    this.#atLineStart = true;
  }

  /** One or more lines about what happens. */
  notice(text: string): void {
    this.#prompt?.hide();
    // On one terminal the two would share a line; in a file the reply must stay as it is.
    if (this.isTerminal && this.#err.isTTY) this.endLine();
    this.#err.write(`${this.#dimmed(this.#err, this.#err.isTTY ? harmless(text) : text)}\n`);
    this.#prompt?.show();
  }

  /** Keeps a line that is being typed below what is printed; undefined: nothing is being typed. */
  keepBelow(prompt: Prompt | undefined): void {
    this.#prompt = prompt;
  }

  /** Where there are no colours, the lines between keep the two apart. */
  #turnTo(part: 'text' | 'reasoning'): void {
    if (this.#part === part) return;
    this.#part = part;
    this.endLine();
    this.#out.write(`${this.#dimmed(this.#out, part === 'text' ? '--- answer ---' : '--- reasoning ---')}\n`);
  }

  #dimmed(stream: Stream, text: string): string {
    return stream.isTTY && stream.hasColors?.() ? `\u001b[2m${text}\u001b[22m` : text;
  }
}

/** Without control characters: what a model writes must not drive the terminal. */
const harmless = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, '');
