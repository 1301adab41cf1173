/** One thing that Redis says on a connection with subscriptions: the words of an array, or one line. */
export type RespPush = Buffer[] | string | Error;

const [CR, DOLLAR, STAR, COLON, MINUS, PLUS, ZERO] = [0x0d, 0x24, 0x2a, 0x3a, 0x2d, 0x2b, 0x30];
const NOTHING = Buffer.alloc(0);

/**
 * Reads what Redis says on a connection with subscriptions: arrays of bulk strings and integers, and single lines. Fed with
 * bytes as they arrive, cut anywhere; the words of a push are views of them. RESP2:
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class RespPushes {
  readonly #onPush: (push: RespPush) => void;
  #bytes: Buffer = NOTHING;
  #at = 0;

  constructor(onPush: (push: RespPush) => void) {
    this.#onPush = onPush;
  }

  /** @throws when what arrives is none of these: the two sides do not understand each other any more */
  read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#at = 0;
    let start = 0;
    while (start < this.#bytes.length) {
      const push = this.#push();
      if (push === undefined) break;
      start = this.#at;
      this.#onPush(push);
    }
    this.#bytes = start === this.#bytes.length ? NOTHING : this.#bytes.subarray(start);
  }

  /** The push that begins here; undefined when it is not complete. */
  #push(): RespPush | undefined {
    const type = this.#bytes[this.#at];
    if (type === PLUS || type === MINUS) return this.#line(type);
    if (type !== STAR) throw new Error('Redis said something that is no push.');
    const count = this.#number();
    if (count === undefined) return undefined;
    const words: Buffer[] = [];
    for (let left = count; left > 0; left -= 1) {
      const word = this.#word();
      if (word === undefined) return undefined;
      words.push(word);
    }
    return words;
  }

  #line(type: number): string | Error | undefined {
    const end = this.#bytes.indexOf('\r\n', this.#at, 'latin1');
    if (end < 0) return undefined;
    const text = this.#bytes.toString('utf8', this.#at + 1, end);
    this.#at = end + 2;
    return type === MINUS ? new Error(text) : text;
  }

  #word(): Buffer | undefined {
    const type = this.#bytes[this.#at];
    if (type !== undefined && type !== DOLLAR && type !== COLON) {
      throw new Error('Redis said a push with something that is no word.');
    }
    const before = this.#at;
    const number = this.#number();
    if (number === undefined) return undefined;
    if (type === COLON) return this.#bytes.subarray(before + 1, this.#at - 2);
    if (number < 0) return NOTHING;
    const end = this.#at + number;
    if (end + 2 > this.#bytes.length) return undefined;
    const word = this.#bytes.subarray(this.#at, end);
    this.#at = end + 2;
    return word;
  }

  /** The number that stands behind the type, and its line end; undefined when that is not all there. */
  #number(): number | undefined {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at += 1;
    let value = 0;
    for (; at < bytes.length && bytes[at] !== CR; at += 1) value = value * 10 + (bytes[at] as number) - ZERO;
    if (at + 2 > bytes.length) return undefined;
    this.#at = at + 2;
    return isNegative ? -value : value;
  }
}
