import type { RoomEventName, RoomEvents, StreamEvent } from '../contracts/events.ts';
import { BROADCAST_TAIL, decodeBroadcast, type ReceivedBroadcast } from './broadcast.ts';
import { type StreamOf, streamEvent } from './stream-event.ts';

/** An event of a room as it came. */
export interface ReceivedEvent {
  room: string;
  event: RoomEventName;
  payload: RoomEvents[RoomEventName];
  /** The payload as it came, encoded. */
  json: string;
}

/** What all deltas of one channel of one attempt begin with. */
interface Head {
  room: string;
  of: StreamOf;
  /** Up to where the offset stands. */
  bytes: Buffer;
  /** Where the payload begins. */
  payloadAt: number;
}

/** Most heads that are kept of one room: the lanes of a playground, with their reasoning, write at once. */
const MAX_HEADS = 16;
/** Most rooms of which something is kept, those in which something began last. What comes after a room was left is kept, too. */
const MAX_CHANNELS = 10_000;
const BEFORE_TEXT = ',"delta":';
const DELTA = Buffer.from(`${BEFORE_TEXT}"`);
const END = Buffer.from(`"}${BROADCAST_TAIL}`);
const [ZERO, NINE, QUOTE, BACKSLASH, LAST_ASCII] = [0x30, 0x39, 0x22, 0x5c, 0x7f];

/**
 * Reads what is published to rooms. A web process gets tens of thousands of deltas a second, and all that differs from one
 * to the next of a reply is a number and a few characters: it knows them by their beginning, which it has seen before,
 * and parses nothing.
 */
export class BroadcastReader {
  /** By channel. */
  readonly #heads = new Map<string, Head[]>();

  /** @returns undefined for what is none of ours: the adapters tell each other more */
  read(channel: Buffer, broadcast: Buffer): ReceivedEvent | undefined {
    const name = channel.toString('latin1');
    const heads = this.#heads.get(name);
    const known = heads?.find(({ bytes }) => isAt(broadcast, bytes, 0));
    return (known && readBehind(known, broadcast)) ?? this.#parse(name, broadcast.toString());
  }

  /** Nothing more is awaited from this channel. */
  forget(channel: string): void {
    this.#heads.delete(channel);
  }

  #parse(channel: string, broadcast: string): ReceivedEvent | undefined {
    const decoded = decodeBroadcast(broadcast);
    if (!decoded) return undefined;
    const { room, event, payloadJson: json } = decoded;
    const payload = JSON.parse(json) as RoomEvents[RoomEventName];
    const head = event === 'message:stream' && headOf(broadcast, decoded, payload as StreamEvent);
    if (head) this.#keep(channel, head);
    return { room, event, payload, json };
  }

  #keep(channel: string, head: Head): void {
    const heads = this.#heads.get(channel) ?? [];
    this.#heads.delete(channel);
    this.#heads.set(channel, [head, ...heads.slice(0, MAX_HEADS - 1)]);
    if (this.#heads.size > MAX_CHANNELS) this.#heads.delete(this.#heads.keys().next().value as string);
  }
}

/** How a delta begins, if it is written as our workers write them: its text last, and the offset before it. */
function headOf(
  broadcast: string,
  { room, payloadJson }: ReceivedBroadcast,
  payload: StreamEvent,
): Head | undefined {
  const { offset, delta, ...of } = payload;
  const rest = `${offset}${BEFORE_TEXT}${JSON.stringify(delta)}}`;
  if (!payloadJson.endsWith(`"offset":${rest}`)) return undefined;
  const payloadAt = broadcast.length - BROADCAST_TAIL.length - payloadJson.length;
  const head = broadcast.slice(0, payloadAt + payloadJson.length - rest.length);
  // Places are counted in characters here, and in bytes later.
  if (Buffer.byteLength(head) !== head.length) return undefined;
  // A copy: a slice of the broadcast would be looked up slowly, and would keep the whole of it.
  return { room: Buffer.from(room).toString(), of, bytes: ownBytes(head), payloadAt };
}

/** In memory of their own: small buffers share 8 kB, which are all kept for as long as one of them is. */
function ownBytes(ascii: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(ascii.length);
  bytes.write(ascii, 'latin1');
  return bytes;
}

function readBehind({ room, of, bytes, payloadAt }: Head, broadcast: Buffer): ReceivedEvent | undefined {
  let at = bytes.length;
  let offset = 0;
  for (let digit = broadcast[at] ?? 0; digit >= ZERO && digit <= NINE; digit = broadcast[at] ?? 0) {
    offset = offset * 10 + digit - ZERO;
    at += 1;
  }
  const start = at + DELTA.length;
  const end = broadcast.length - END.length;
  const isWhole =
    at > bytes.length && start <= end && isAt(broadcast, DELTA, at) && isAt(broadcast, END, end);
  if (!isWhole) return undefined;
  const plain = isPlain(broadcast, start, end);
  const json = broadcast.toString(
    plain ? 'latin1' : 'utf8',
    payloadAt,
    broadcast.length - BROADCAST_TAIL.length,
  );
  const payload = plain
    ? streamEvent(of, offset, broadcast.toString('latin1', start, end))
    : (JSON.parse(json) as StreamEvent);
  return { room, event: 'message:stream', payload, json };
}

const isAt = (broadcast: Buffer, part: Buffer, at: number): boolean =>
  broadcast.length >= at + part.length && broadcast.compare(part, 0, part.length, at, at + part.length) === 0;

/** Whether the characters of a JSON string are what they stand for, a byte each. */
function isPlain(broadcast: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = broadcast[at] as number;
    if (byte === BACKSLASH || byte === QUOTE || byte > LAST_ASCII) return false;
  }
  return true;
}
