import { MAX_BYTES_PER_UNIT } from '../base/text.ts';

/** Room of a new text, in bytes; it doubles when it is full. */
const FIRST_BYTES = 1_024;
/**
 * A well-formed text that only grows, and is taken in pieces, in one piece outside the JavaScript heap. As a string it would
 * be a rope, one node for each delta, all of them alive until the end: of every generation that is being written, the garbage
 * collector would walk and copy all of it again and again.
 */
export class GrowingText {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #byteLength = 0;
  #length = 0;
  #takenBytes = 0;
  #taken = 0;

  /** UTF-16 code units. */
  get length(): number {
    return this.#length;
  }

  /** UTF-16 code units of what was taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Where it ends now, for {@link take}. */
  get end(): number {
    return this.#byteLength;
  }

  /** Something was added since it was last taken. */
  get hasMore(): boolean {
    return this.#takenBytes < this.#byteLength;
  }

  /** Adds to the end; `text` has no lone surrogates. */
  add(text: string): void {
    this.#makeRoomFor(text.length * MAX_BYTES_PER_UNIT);
    this.#byteLength += this.#bytes.write(text, this.#byteLength);
    this.#length += text.length;
  }

  /** What was added since it was last taken. @param end where it ended at some moment since then */
  take(end = this.#byteLength): string {
    const text = this.#read(this.#takenBytes, end);
    this.#takenBytes = end;
    this.#taken += text.length;
    return text;
  }

  /** All of it. */
  read(): string {
    return this.#read(0, this.#byteLength);
  }

  /** All that was taken. */
  readTaken(): string {
    return this.#read(0, this.#takenBytes);
  }

  #read(start: number, end: number): string {
    const isAscii = this.#length === this.#byteLength;
    return this.#bytes.toString(isAscii ? 'latin1' : 'utf8', start, end);
  }

  #makeRoomFor(bytes: number): void {
    const wanted = this.#byteLength + bytes;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#byteLength);
    this.#bytes = larger;
  }
}
