import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** A terminal, as far as it is read. */
export type TypedFrom = Pick<ReadStream, 'isRaw' | 'setRawMode' | 'on' | 'off' | 'pause' | 'resume'>;

/**
 * What is typed, for one reader of a line after the other. A terminal hands over at once what was pasted, or typed while
 * nobody read it, and a reader that has got its line drops the rest: here that is kept for the next one.
 */
export class TypedInput extends Readable {
  readonly #terminal: TypedFrom;
  #kept: Buffer = Buffer.alloc(0);
  #isReading = false;

  constructor(terminal: TypedFrom) {
    super();
    this.#terminal = terminal;
  }

  get isRaw(): boolean {
    return this.#terminal.isRaw;
  }

  setRawMode(on: boolean): this {
    this.#terminal.setRawMode(on);
    return this;
  }

  /** Gives what is typed, and first what was kept, until {@link stop}. */
  start(): void {
    this.#isReading = true;
    this.#terminal.on('data', this.#give).on('end', this.#end).resume();
    this.#give(this.#kept);
  }

  /** Reads nothing more, so that Ctrl-C is a signal. To be called while the line is being given. */
  stop(): void {
    this.#isReading = false;
    this.#terminal.off('data', this.#give).off('end', this.#end).pause();
  }

  /** Nothing is pulled: it is given as it comes. */
  override _read(): void {}

  /** Line by line: whether there is a reader for the next one is known when it has got this one. */
  readonly #give = (typed: Buffer): void => {
    let rest = typed;
    while (this.#isReading && rest.length > 0) {
      const end = endOfLine(rest);
      this.emit('data', rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#kept = rest;
  };

  readonly #end = (): void => {
    this.emit('end');
  };
}

const LF = 10;
const CR = 13;

/** Where the first line ends, its end included; all of it where none does. In UTF-8 these bytes are nothing else. */
function endOfLine(bytes: Buffer): number {
  const at = bytes.findIndex((byte) => byte === CR || byte === LF);
  if (at === -1) return bytes.length;
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : at + 1;
}
