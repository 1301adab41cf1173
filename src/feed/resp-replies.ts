/** What a command was answered with: an integer, a simple string, or an error of Redis. */
export type RespReply = number | string | Error;

/**
 * Reads the replies of commands that answer with one line each. Fed with text as it arrives, cut anywhere. RESP2:
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class RespReplies {
  readonly #onReply: (reply: RespReply) => void;
  #rest = '';

  constructor(onReply: (reply: RespReply) => void) {
    this.#onReply = onReply;
  }

  /** @throws when what arrives is no such reply: the two sides do not understand each other any more */
  read(chunk: string): void {
    const text = this.#rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', start)) {
      this.#onReply(parse(text, start, end));
      start = end + 2;
    }
    this.#rest = text.slice(start);
  }
}

function parse(text: string, start: number, end: number): RespReply {
  const value = text.slice(start + 1, end);
  switch (text[start]) {
    case ':':
      return Number(value);
    case '+':
      return value;
    case '-':
      return new Error(value);
    default:
      throw new Error('Redis answered with something else than one line.');
  }
}
