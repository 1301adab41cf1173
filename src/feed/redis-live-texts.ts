import type { Redis } from 'ioredis';
import { sessionRoom } from '../contracts/events.ts';
import { BROADCAST_TAIL, broadcastHead, roomChannel } from './broadcast.ts';
import { PipelineBatch, type RedisCommand } from './pipeline-batch.ts';
import type { LiveRef, LiveText, LiveTexts } from './ports.ts';

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
 * its claim writes where nobody reads.
 */
export function createRedisLiveTexts(redis: Redis): LiveTexts {
  const batch = new PipelineBatch(redis);
  return {
    open: (ref) => openLiveText(batch, ref),
    async read(ref) {
      const text = await redis.get(keyOf(ref));
      return text?.startsWith(BEGIN) ? text.slice(BEGIN.length) : null;
    },
    async drop(ref) {
      await redis.unlink(keyOf(ref));
    },
  };
}

const keyOf = ({ sessionId, messageId, attempt }: LiveRef): string =>
  `parley:live:{${sessionId}}:${messageId}:${attempt}`;

function openLiveText(batch: PipelineBatch, ref: LiveRef): LiveText {
  const key = keyOf(ref);
  const room = sessionRoom(ref.sessionId);
  const channel = roomChannel(room);
  const head = `${broadcastHead(room, 'message:stream')}{"sessionId":"${ref.sessionId}","messageId":"${ref.messageId}","attempt":${ref.attempt},"offset":`;
  /** Bytes that the key should hold before the next delta. */
  let bytes = Buffer.byteLength(BEGIN);

  const set = (text: string): RedisCommand => ['set', key, BEGIN + text, 'EX', TTL_SECONDS];

  return {
    async append({ offset, text, whole }) {
      const message = `${head}${offset},"delta":${JSON.stringify(text)}}${BROADCAST_TAIL}`;
      bytes += Buffer.byteLength(text);
      const [write, publish] = await batch.run([
        offset === 0 ? set(text) : ['append', key, text],
        ['spublish', channel, message],
      ]);
      // The length that APPEND answers tells whether Redis lost anything (a flush, a failover): put it back whole.
      if (write?.[0] || (offset > 0 && write?.[1] !== bytes)) await batch.run([set(whole())]);
      if (publish?.[0]) throw publish[0];
    },
  };
}
