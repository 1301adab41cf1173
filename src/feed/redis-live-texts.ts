import type { Redis } from 'ioredis';
import { sessionRoom } from '../contracts/events.ts';
import { BROADCAST_TAIL, broadcastHead, roomChannel } from './broadcast.ts';
import type { Channel, LiveRef, LiveText, LiveTexts } from './ports.ts';
import type { RespCommand } from './resp-link.ts';
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
      const [text, reasoning] = await redis.mget(keyOf(ref), keyOf(ref, 'reasoning'));
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

/** One string in Redis. */
interface Part {
  channel: Channel;
  key: string;
  /** Stands before a delta's offset in its event. */
  head: string;
  /** Bytes that the key should hold. */
  bytes: number;
}

function openLiveText(pipe: RespPipe, ref: LiveRef): LiveText {
  const { sessionId, messageId, attempt } = ref;
  const room = sessionRoom(sessionId);
  const roomsChannel = roomChannel(room);
  const head = `${broadcastHead(room, 'message:stream')}{"sessionId":"${sessionId}","messageId":"${messageId}","attempt":${attempt},`;

  const newPart = (channel: Channel): Part => ({
    channel,
    key: keyOf(ref, channel),
    head: `${head}${channel ? `"channel":"${channel}",` : ''}"offset":`,
    bytes: Buffer.byteLength(BEGIN),
  });
  const textPart = newPart(undefined);
  let reasoningPart: Part | undefined;
  /** The part that was written last. */
  let last: Part | undefined;

  const set = ({ key }: Part, text: string): RespCommand => ['set', key, BEGIN + text, 'EX', TTL_SECONDS];

  return {
    async append({ channel, offset, text, whole }) {
      if (channel) reasoningPart ??= newPart(channel);
      const part = channel ? (reasoningPart as Part) : textPart;
      const before = last !== part ? last : undefined;
      last = part;
      part.bytes += Buffer.byteLength(text);
      const commands: RespCommand[] = [
        offset === 0 ? set(part, text) : ['append', part.key, text],
        ['spublish', roomsChannel, `${part.head}${offset},"delta":${JSON.stringify(text)}}${BROADCAST_TAIL}`],
      ];
      // What this delta is not appended to tells nothing: whether it is still there has to be asked.
      if (before) commands.push(['strlen', before.key]);
      const [write, publish, length] = await pipe.run(commands);
      // The length that is answered tells whether Redis lost anything (a flush, a failover): put it back whole.
      const isLost = offset > 0 ? !holds(write, part) : write instanceof Error;
      if (isLost || (before && !holds(length, before))) {
        const parts = [textPart, reasoningPart].filter((each) => each && each.bytes > BEGIN.length) as Part[];
        await pipe.run(parts.map((each) => set(each, whole(each.channel))));
      }
      if (publish instanceof Error) throw publish;
    },
  };
}

/** Whether Redis answered that it holds all of a part. */
const holds = (reply: RespReply | undefined, { bytes }: Part): boolean => reply === bytes;
