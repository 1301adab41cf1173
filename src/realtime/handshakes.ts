import type { IncomingMessage } from 'node:http';
import { addressBlock, clientAddress } from '../base/client-address.ts';
import type { RateLimit } from '../services/rate-limits.ts';

/** What {@link Handshakes} counts with. */
export interface HandshakesDeps {
  rateLimit: RateLimit;
  /** How many proxies of ours stand before the server. */
  proxyHops: number;
}

/** What became of a handshake that was counted. */
interface Counted {
  /** What it is counted by. */
  address: string;
  /** Why it is refused; undefined when it is not. */
  refusal?: unknown;
  /** Its connection has asked to be let in. */
  used: boolean;
}

/**
 * Counts the connections of Socket.IO like requests, each once: at its handshake, which costs memory also when nobody asks
 * to be let in by it. To ask again over the same connection counts again.
 */
export class Handshakes {
  readonly #deps: HandshakesDeps;
  readonly #counted = new WeakMap<IncomingMessage, Counted>();

  constructor(deps: HandshakesDeps) {
    this.#deps = deps;
  }

  /** Counts a handshake. Never rejects: resolves with why it is refused, if it is. */
  async count(request: IncomingMessage): Promise<unknown> {
    const counted: Counted = { address: this.#addressOf(request), used: false };
    this.#counted.set(request, counted);
    await this.#deps.rateLimit.count(counted.address).catch((error: unknown) => {
      counted.refusal = error;
    });
    return counted.refusal;
  }

  /** Whether the connection of a handshake is refused, whoever it is. */
  isRefused(request: IncomingMessage): boolean {
    return this.#counted.get(request)?.refusal !== undefined;
  }

  /**
   * Lets somebody ask for a namespace over the connection of a handshake.
   *
   * @throws {AppError} `rate_limited`
   */
  async enter(request: IncomingMessage): Promise<void> {
    const counted = this.#counted.get(request);
    if (counted?.refusal !== undefined) throw counted.refusal;
    if (counted && !counted.used) counted.used = true;
    else await this.countRequest(request);
  }

  /**
   * Counts what is asked over the connection of a handshake, and stands for a request.
   *
   * @throws {AppError} `rate_limited`
   */
  async countRequest(handshake: IncomingMessage): Promise<void> {
    const address = this.#counted.get(handshake)?.address ?? this.#addressOf(handshake);
    await this.#deps.rateLimit.count(address);
  }

  #addressOf({ socket: { remoteAddress }, headers }: IncomingMessage): string {
    const forwardedFor = headers['x-forwarded-for']?.toString();
    return addressBlock(clientAddress({ remoteAddress, forwardedFor }, this.#deps.proxyHops));
  }
}
