import type { Socket } from 'socket.io';

/** About what an answer costs beside its text. */
const PACKET_BYTES = 200;

/**
 * Counts what has been answered to a connection and has not left this process yet, because the client does not read. Socket.IO
 * tells nobody when an acknowledgement has left, but Engine.IO does of all that it writes at once.
 */
export class UnreadAnswers {
  readonly #connection: Socket['conn'];
  /** Behind what is being written. */
  #waiting = 0;
  #bytes = 0;

  constructor(connection: Socket['conn']) {
    this.#connection = connection;
  }

  /** How much there is. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts the answer that `write` writes. */
  add(write: () => void): void {
    this.#connection.once('packetCreate', this.#created);
    write();
    // Nothing is written to a connection that is gone.
    this.#connection.off('packetCreate', this.#created);
  }

  readonly #created = ({ data }: { data: string }): void => {
    if (this.#waiting === 0) this.#connection.once('flush', this.#flushed);
    const bytes = Buffer.byteLength(data) + PACKET_BYTES;
    this.#waiting += bytes;
    this.#bytes += bytes;
  };

  /** All that waits is handed to the transport, which says when it has written it. */
  readonly #flushed = (): void => {
    const leaving = this.#waiting;
    this.#waiting = 0;
    this.#connection.transport.once('drain', () => {
      this.#bytes -= leaving;
    });
  };
}
