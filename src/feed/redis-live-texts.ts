import type { Redis } from 'ioredis';
import { inOnePiece } from '../base/text.ts';
import { sessionRoom } from '../contracts/events.ts';
import { BROADCAST_TAIL, broadcastHead, roomChannel } from './broadcast.ts';
import { answerOf } from './broker-away.ts';
import type { Channel, Delta, LiveRef, LiveText, LiveTexts } from './ports.ts';
import { beginCommand, encodeCommand, encodeWord, type RespCommand } from './resp-link.ts';
import type { RespPipe } from './resp-pipe.ts';
import type { RespReply } from './resp-replies.ts';

/**
 * Begins every text. One that Redis has lost begins without it, since the next delta is appended to nothing: what
 * is there then is not the text, until the worker has put it back.
 */
const BEGIN = '\u0002';
/** Longer than any generation runs; only a text whose worker died for good lives that long. */
const TTL_SECONDS = 24 * 3600;

/**
 * Live texts as Redis strings: APPEND costs about as many bytes as the delta has, whatever stands before it.
 * The key's hash tag is the session, as in its room's channel, and it holds the attempt: a worker that lost
 * its claim writes where nobody reads. Reasoning, where there is any, is a second string beside the first.
 *
 * Deltas are written through `pipe`; what is rare goes through `redis`.
 */
export function createRedisLiveTexts(redis: Redis, pipe: RespPipe): LiveTexts {
  return {
    open: (ref) => openLiveText(pipe, ref),
    async read(ref) {
      const [text, reasoning] = await answerOf(redis.mget(keyOf(ref), keyOf(ref, 'reasoning')));
      if (isBroken(text) || isBroken(reasoning) || (!text && !reasoning)) return null;
      return { text: text?.slice(BEGIN.length) ?? '', reasoning: reasoning?.slice(BEGIN.length) ?? null };
    },
    async drop(ref) {
      await redis.unlink(keyOf(ref), keyOf(ref, 'reasoning'));
    },
  };
}

const keyOf = ({ sessionId, messageId, attempt }: LiveRef, channel?: Channel): string =>
  `parley:live:{${sessionId}}:${messageId}:${attempt}${channel ? `:${channel}` : ''}`;

const isBroken = (part: string | null | undefined): boolean => part?.startsWith(BEGIN) === false;

/** One string in Redis. What all its deltas have in common is encoded once. */
interface Part {
  channel: Channel;
  key: string;
  /** `APPEND`, up to the text. */
  append: string;
  /** Stands before a delta's offset in its event. */
  head: string;
  /** Bytes of the event beside its offset and its text. */
  frameBytes: number;
  /** Bytes that the key should hold. */
  bytes: number;
}

const BEFORE_DELTA = ',"delta":';
const AFTER_DELTA = `}${BROADCAST_TAIL}`;

function openLiveText(pipe: RespPipe, ref: LiveRef): LiveText {
  const { sessionId, messageId, attempt } = ref;
  const room = sessionRoom(sessionId);
  const publish = inOnePiece(beginCommand(3, ['spublish', roomChannel(room)]));
  const beginning = `${broadcastHead(room, 'message:stream')}{"sessionId":"${sessionId}","messageId":"${messageId}","attempt":${attempt},`;

  const newPart = (channel: Channel): Part => {
    const key = keyOf(ref, channel);
    const head = inOnePiece(`${beginning}${channel ? `"channel":"${channel}",` : ''}"offset":`);
    return {
      channel,
      key,
      append: inOnePiece(beginCommand(3, ['append', key])),
      head,
      frameBytes: Buffer.byteLength(head + BEFORE_DELTA + AFTER_DELTA),
      bytes: Buffer.byteLength(BEGIN),
    };
  };
  const textPart = newPart(undefined);
  let reasoningPart: Part | undefined;
  /** The part that was written last. */
  let last: Part | undefined;

  const encodeEvent = ({ head, frameBytes }: Part, { offset, text }: Delta, textBytes: number): string => {
    const [at, json] = [String(offset), JSON.stringify(text)];
    // Nothing in it had to be escaped: then its bytes are known.
    const isPlain = json.length === text.length + 2;
    const jsonBytes = isPlain ? textBytes + 2 : Buffer.byteLength(json);
    const event = head + at + BEFORE_DELTA + json + AFTER_DELTA;
    return publish + encodeWord(event, frameBytes + at.length + jsonBytes);
  };
  const set = ({ key }: Part, text: string): RespCommand => ['set', key, BEGIN + text, 'EX', TTL_SECONDS];

  return {
    async append(delta) {
      const { channel, offset, text, whole } = delta;
      if (channel) reasoningPart ??= newPart(channel);
      const part = channel ? (reasoningPart as Part) : textPart;
      const before = last !== part ? last : undefined;
      last = part;
      const textBytes = Buffer.byteLength(text);
      part.bytes += textBytes;
      const written =
        offset === 0 ? encodeCommand(set(part, text)) : part.append + encodeWord(text, textBytes);
      const event = encodeEvent(part, delta, textBytes);
      // What this delta is not appended to tells nothing: whether it is still there has to be asked.
      const asked = before ? encodeCommand(['strlen', before.key]) : '';
      const [write, published, length] = await pipe.send(written + event + asked, before ? 3 : 2);
      // The length that is answered tells whether Redis lost anything (a flush, a failover): put it back whole.
      const isLost = offset > 0 ? !holds(write, part) : write instanceof Error;
      if (isLost || (before && !holds(length, before))) {
        const parts = [textPart, reasoningPart].filter((each) => each && each.bytes > BEGIN.length) as Part[];
        await pipe.run(parts.map((each) => set(each, whole(each.channel))));
      }
      if (published instanceof Error) throw published;
    },
  };
}

/** Whether Redis answered that it holds all of a part. */
const holds = (reply: RespReply | undefined, { bytes }: Part): boolean => reply === bytes;
