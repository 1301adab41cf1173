import { CHAT_NAMESPACE, type RoomEventName, type RoomEvents } from '../contracts/events.ts';
import { encodeTextFrame } from './text-frame.ts';

/**
 * One event on its way to the readers of a room. Encoded once per room and wire, however many readers there are.
 */
export class RoomFrame<E extends RoomEventName = RoomEventName> {
  readonly event: E;
  readonly payload: RoomEvents[E];
  #json: string | undefined;
  #shown: RoomFrame | undefined;
  #packet: string | undefined;
  #webSocketFrame: Buffer | undefined;

  /** `json` is the payload, where it came encoded. */
  constructor(event: E, payload: RoomEvents[E], json?: string) {
    this.event = event;
    this.payload = payload;
    this.#json = json;
  }

  /** As clients are shown it: without what only readers need. */
  get shown(): RoomFrame<E> {
    if (!this.is('message:new') || this.payload.previousId === undefined) return this;
    if (!this.#shown) {
      const { previousId: _previousId, ...message } = this.payload;
      this.#shown = new RoomFrame('message:new', message);
    }
    return this.#shown as RoomFrame<E>;
  }

  /** The payload as JSON. */
  get json(): string {
    this.#json ??= JSON.stringify(this.payload);
    return this.#json;
  }

  /**
   * The frame as a Socket.IO packet: type 2 (EVENT), the namespace, the arguments.
   * https://socket.io/docs/v4/socket-io-protocol/#packet-encoding
   */
  get packet(): string {
    this.#packet ??= `2${CHAT_NAMESPACE},["${this.event}",${this.json}]`;
    return this.#packet;
  }

  /** The packet as it goes out on a WebSocket: 4 (MESSAGE) of Engine.IO, in a text frame. */
  get webSocketFrame(): Buffer {
    this.#webSocketFrame ??= encodeTextFrame(`4${this.packet}`);
    return this.#webSocketFrame;
  }

  /** Whether this is that event; narrows the payload. */
  is<N extends RoomEventName>(event: N): this is RoomFrame<N> {
    return (this.event as RoomEventName) === event;
  }
}
