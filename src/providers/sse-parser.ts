import { AnswerTooLongError } from './answer-too-long.ts';

const LF = 10;
const CR = 13;

/** What an {@link SseParser} needs. */
export interface SseParserOptions {
  /** Called with the data of each event, in order, from inside `push` and `end`. */
  onData: (data: string) => void;
  /** The longest event that is put together, in bytes. Default 16 MiB. */
  maxEventBytes?: number;
}

/**
 * Parses the body of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html) as bytes
 * come in. Only `data` is kept: both wires that use it say inside the data what an event is.
 *
 * Bytes are decoded up to the last line end, where no UTF-8 sequence can be open, so that a network read costs
 * one decoding and no copy. Whatever `onData` throws leaves through `push` or `end`; the parser is then spent.
 */
export class SseParser {
  readonly #onData: (data: string) => void;
  readonly #maxEventBytes: number;
  /** The bytes of the line that is not complete yet. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** The data lines of the event that is not complete yet. */
  #data: string | undefined;
  /** The last read ended with CR: an LF at the start of the next belongs to it. */
  #afterCr = false;
  #first = true;

  constructor({ onData, maxEventBytes = 16 * 1024 * 1024 }: SseParserOptions) {
    this.#onData = onData;
    this.#maxEventBytes = maxEventBytes;
  }

  /**
   * Takes the next bytes of the body. They must not change afterwards.
   *
   * @throws {AnswerTooLongError} when an event is longer than `maxEventBytes`
   */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const start = this.#afterCr && bytes[0] === LF ? 1 : 0;
    const end = afterLastLineEnd(bytes);
    this.#afterCr = bytes[bytes.length - 1] === CR;
    if (end > start) this.#lines(this.#decode(bytes, start, end));
    if (end < bytes.length) this.#keep(bytes.subarray(Math.max(start, end)));
  }

  /** The body has ended. An event that lacks only its final blank line still counts, as in the SDKs. */
  end(): void {
    if (this.#restBytes > 0) this.#lines(`${this.#decode(Buffer.alloc(0), 0, 0)}\n`);
    this.#dispatch();
  }

  #decode(bytes: Buffer, start: number, end: number): string {
    if (this.#restBytes === 0) return bytes.toString('utf8', start, end);
    const whole = Buffer.concat([...this.#rest, bytes.subarray(start, end)]);
    this.#rest = [];
    this.#restBytes = 0;
    return whole.toString('utf8');
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    this.#refuseOver(this.#restBytes);
  }

  #refuseOver(size: number): void {
    const max = this.#maxEventBytes;
    if (size > max) throw new AnswerTooLongError(`${max} bytes in one event`);
  }

  /** `block` is whole lines, the last with its end. */
  #lines(block: string): void {
    const text = block.includes('\r') ? block.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : block;
    let position = this.#first && text.charCodeAt(0) === 0xfeff ? 1 : 0;
    this.#first = false;
    while (position < text.length) {
      const end = text.indexOf('\n', position);
      if (end === position) this.#dispatch();
      else if (text.startsWith('data:', position)) {
        this.#add(text.slice(text.charCodeAt(position + 5) === 0x20 ? position + 6 : position + 5, end));
      } else if (end === position + 4 && text.startsWith('data', position)) this.#add('');
      position = end + 1;
    }
  }

  #add(line: string): void {
    if (this.#data === undefined) this.#data = line;
    else {
      this.#data += `\n${line}`;
      this.#refuseOver(this.#data.length);
    }
  }

  #dispatch(): void {
    const data = this.#data;
    if (data === undefined) return;
    this.#data = undefined;
    this.#onData(data);
  }
}

/** The index after the last line end, 0 if there is none. CR is looked for only where no LF follows. */
function afterLastLineEnd(bytes: Buffer): number {
  const end = bytes.lastIndexOf(LF) + 1;
  const cr = end < bytes.length ? bytes.lastIndexOf(CR) + 1 : 0;
  return Math.max(end, cr);
}
