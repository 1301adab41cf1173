import type { Random } from './random.ts';
import { JUNK, pick } from './strange-requests.ts';

/** A frame of a WebSocket's client: https://datatracker.ietf.org/doc/html/rfc6455#section-5.2 */
export interface FrameHead {
  opcode?: number;
  final?: boolean;
  masked?: boolean;
  reserved?: number;
  /** Claimed, where it is not that of the payload. */
  length?: number;
}

const MASK = Buffer.from([1, 2, 3, 4]);

/** Encodes it. */
export function encodeFrame(payload: string | Buffer, head: FrameHead = {}): Buffer {
  const bytes = Buffer.from(payload as string);
  const { opcode = 1, final = true, masked = true, reserved = 0, length = bytes.length } = head;
  const size = Buffer.alloc(length < 126 ? 1 : length < 65_536 ? 3 : 9);
  if (size.length === 3) size.writeUInt16BE(length, 1);
  if (size.length === 9) size.writeBigUInt64BE(BigInt(length), 1);
  size[0] = (masked ? 0x80 : 0) | (size.length === 1 ? length : size.length === 3 ? 126 : 127);
  const first = Buffer.from([(final ? 0x80 : 0) | (reserved << 4) | opcode]);
  if (!masked) return Buffer.concat([first, size, bytes]);
  return Buffer.concat([first, size, MASK, bytes.map((byte, at) => byte ^ (MASK[at % 4] as number))]);
}

const EVENTS = [
  'join',
  'leave',
  'message:send',
  'message:stop',
  'auth',
  'error',
  'connect',
  'newListener',
  '__proto__',
  '',
  5,
  null,
  {},
];
const VALUES = [
  null,
  7,
  true,
  [],
  {},
  '\ud800',
  { token: 7 },
  { sessionId: null },
  {
    sessionId: '0190a0a0-0000-7000-8000-000000000000',
    have: [{ messageId: 1 }],
    content: '\0',
    role: 'user',
  },
  { _placeholder: true, num: 0 },
  { _placeholder: true, num: '__proto__' },
];
const NAMESPACES = [
  '/chat,',
  '/chat,',
  '/chat,',
  '',
  '/chat',
  '/chat?a=b,',
  '/__proto__,',
  `/${'n'.repeat(3_000)},`,
];
const ENGINE_PACKETS = ['0', '1', '2', '2probe', '3', '5', '6', '7', '', 'b', 'bAAAA', 'b!', '4'];

/** A packet of Engine.IO, most with one of Socket.IO in it. */
export function strangePacket(numbers: Random): string {
  const event = JSON.stringify([pick(numbers, EVENTS), pick(numbers, VALUES), pick(numbers, VALUES)]);
  const namespace = pick(numbers, NAMESPACES);
  return pick(numbers, [
    `42${namespace}${pick(numbers, ['', '7', '99999999999999999999'])}${event}`,
    `42${namespace}7${event}`,
    `45${pick(numbers, ['1', '2', '0', '11', 'x', ''])}-${namespace}7${event}`,
    `4${numbers.between(0, 9)}${namespace}${pick(numbers, ['', '[]', '{}', 'null', '{"token":7}', '["x"]'])}`,
    `42${namespace}["join",${'['.repeat(5_000)}${']'.repeat(5_000)}]`,
    pick(numbers, ENGINE_PACKETS),
    pick(numbers, JUNK),
  ]);
}

/** A frame, most with such a packet in it. */
export function strangeFrame(numbers: Random): Buffer {
  const packet = strangePacket(numbers);
  if (numbers.between(1, 4) > 1) return encodeFrame(packet);
  return pick(numbers, [
    encodeFrame(packet, { opcode: numbers.between(2, 15) }),
    encodeFrame(packet, { masked: false }),
    encodeFrame(packet, { reserved: numbers.between(1, 7) }),
    Buffer.concat([encodeFrame(packet, { final: false }), encodeFrame('x', { opcode: 0 })]),
    encodeFrame(packet, { final: false }),
    encodeFrame('x', { opcode: 0 }),
    encodeFrame(Buffer.from([0xff, 0xfe])),
    encodeFrame(Buffer.from([0x03]), { opcode: 8 }),
    encodeFrame(Buffer.from([0, 5]), { opcode: 8 }),
    encodeFrame('', { opcode: 8 }),
    Buffer.concat(Array.from({ length: 50 }, () => encodeFrame('', { opcode: 9 }))),
    encodeFrame('x', { length: 2 ** 40 }),
    encodeFrame(Buffer.alloc(40), { opcode: 2 }),
    Buffer.from([1, 2, 3]),
  ]);
}
