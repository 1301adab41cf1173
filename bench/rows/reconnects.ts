import { io, type Socket } from 'socket.io-client';
import type { StreamEvent } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import { type Api, inBatches } from '../support/api.ts';
import type { Cluster } from '../support/cluster.ts';
import type { Row } from '../support/row.ts';

const RECONNECTS = 5_000;
const GENERATIONS = 100;
const LOAD = { rate: 50, durationMs: 45_000 };

/** One client that is cut at random, again and again, and always comes back to another process. */
interface Reader {
  text: string;
  attempt: number;
  messageId: string | undefined;
  lost: number;
  doubled: number;
  final: string | undefined;
}

/** `reconnects`: over two web processes, what was lost and what came twice. */
export async function measureReconnects(cluster: Cluster): Promise<Row> {
  const [first] = cluster.web;
  if (!first || cluster.web.length < 2) throw new Error('two web processes are needed');
  const people = await cluster.people(GENERATIONS);
  const sessions = await inBatches(GENERATIONS, async (index) => {
    const api = people[index % people.length] as Api;
    return { api, sessionId: await api.openSession() };
  });
  const count = { reconnects: 0 };
  const readers = sessions.map(({ api, sessionId }) =>
    follow({ cluster, token: api.token, sessionId, count }),
  );
  await inBatches(sessions.length, (index) => {
    const { api, sessionId } = sessions[index] as (typeof sessions)[number];
    return api.post('/messages', { sessionId, content: JSON.stringify(LOAD) });
  });
  const ended = await Promise.all(readers);
  const wrong = ended.reduce(
    (sum, reader) => sum + reader.lost + reader.doubled + (reader.text === reader.final ? 0 : 1),
    0,
  );
  return {
    name: `reconnects: lost + doubled in ${count.reconnects}`,
    value: wrong,
    unit: 'deltas',
    target: '0 in 5,000',
    ok: wrong === 0 && count.reconnects >= RECONNECTS,
  };
}

interface Following {
  cluster: Cluster;
  token: string;
  sessionId: string;
  count: { reconnects: number };
}

function follow({ cluster, token, sessionId, count }: Following): Promise<Reader> {
  const reader: Reader = {
    text: '',
    attempt: 0,
    messageId: undefined,
    lost: 0,
    doubled: 0,
    final: undefined,
  };
  return new Promise((resolve) => {
    let current: Socket | undefined;
    const connect = () => {
      const web = cluster.web[Math.floor(Math.random() * cluster.web.length)];
      const socket = io(`http://127.0.0.1:${web?.port}/chat`, {
        auth: { token },
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
      });
      current = socket;
      socket.on('connect', () => {
        const { messageId, attempt, text } = reader;
        const have = messageId ? [{ messageId, attempt, offset: text.length }] : [];
        socket.emit('join', { sessionId, have });
      });
      const mine =
        <T>(handle: (payload: T) => void) =>
        (payload: T) =>
          socket === current && handle(payload);
      socket.on(
        'message:stream',
        mine((event: StreamEvent) => onDelta(reader, event)),
      );
      socket.on(
        'message:update',
        mine((message: Message) => onUpdate(reader, message)),
      );
      socket.on(
        'message:done',
        mine(() => {
          clearTimeout(timer);
          socket.disconnect();
          resolve(reader);
        }),
      );
      const timer = setTimeout(
        () => {
          count.reconnects++;
          current = undefined;
          socket.disconnect();
          setTimeout(connect, Math.random() < 0.5 ? 0 : Math.random() * 400);
        },
        100 + Math.random() * 1_000,
      );
    };
    connect();
  });
}

function onDelta(reader: Reader, { messageId, attempt, offset, delta }: StreamEvent): void {
  reader.messageId = messageId;
  reader.attempt = attempt;
  if (offset > reader.text.length) reader.lost++;
  if (offset < reader.text.length) reader.doubled++;
  reader.text += delta;
}

function onUpdate(reader: Reader, message: Message): void {
  if (message.role !== 'assistant') return;
  reader.messageId = message.id;
  reader.attempt = message.attempt;
  if (message.status === 'completed') reader.final = message.content;
  // The final content must be what the deltas made; a snapshot may be ahead of them, never different.
  if (!message.content.startsWith(reader.text)) reader.doubled++;
  reader.text = message.content;
}
