import type { Database, Db } from '../../src/data/database.ts';
import type { MemoryFeed } from '../../src/feed/memory.ts';
import type { Feed, LiveTexts } from '../../src/feed/ports.ts';
import type { GenerationQueue } from '../../src/queue/generation-queue.ts';
import { Crash, type CrashingProcess, never } from './crash-points.ts';

/** Told of each statement that took effect: its name, what it was given, and what it answered. */
export type OnStatement = (step: string, params: unknown[], result: unknown) => void;

/** The database as a process reaches it. */
export function crashingDatabase(
  real: Database,
  process: CrashingProcess,
  onStatement: OnStatement = () => {},
): Database {
  return {
    ...real,
    db: crashingDb(real.db, process, onStatement),
    async transaction(work) {
      const effect = real.transaction(async (db) => {
        const steps: string[] = [];
        const inside = crashingDb(db, process, (step, ...rest) => {
          steps.push(step);
          onStatement(step, ...rest);
        });
        const result = await process.orDie(work(inside));
        const step = commitOf(steps);
        if (process.dead || process.diesAt(step, 'before')) throw new Crash('before the commit');
        return { result, step };
      });
      const committed = await process.track(effect).catch((error: unknown) => {
        if (error instanceof Crash || process.dead) return undefined;
        throw error;
      });
      if (!committed || process.dead || process.diesAt(committed.step, 'after')) return never();
      return committed.result;
    },
  };
}

/** Only what repositories use of a connection: raw statements. */
function crashingDb(real: Db, process: CrashingProcess, onStatement: OnStatement): Db {
  const query = (sql: string, params: unknown[] = []): Promise<unknown> => {
    const step = stepOf(sql);
    return process.pass(step, async () => {
      const result: unknown = await real.query(sql, params);
      onStatement(step, params, result);
      return result;
    });
  };
  return { query } as unknown as Db;
}

/** The first that fits names a statement. */
const STATEMENTS: [string, RegExp][] = [
  ['store turn', /WITH locked AS/],
  ['read limits', /AS "dayRequests"/],
  ['find answer', /SELECT fingerprint, answer/],
  ['keep answer', /INTO idempotency_keys/],
  ['find session', /AS "historyTokens"/],
  ['claim', /attempt = greatest\(attempt \+ 1/],
  ['read context', /m\.role, m\.content, g\.model/],
  ['store try', /tries = tries \|\|/],
  ['grow hold', /SET hold_tokens = account\.hold_tokens/],
  ['end generation', /status = \$3, attempt = \$4/],
  ['store text', /UPDATE messages SET content/],
  ['count in session', /total_tokens = total_tokens/],
  ['count in statistics', /INTO usage_days/],
  ['release hold', /held = held - \$3/],
  ['post entry', /INTO ledger_entries/],
  ['request stop', /cancel_requested_at = coalesce/],
  ['hand over', /released_at = now\(\)/],
  ['sign of life', /SET heartbeat_at = now\(\), hold/],
  ['find expired', /AND hold_expires_at < now\(\)/],
  ['find forgotten', /heartbeat_at < now\(\) -/],
  ['find message of job', /SELECT session_id AS "sessionId", message_id/],
  ['read messages', /FROM messages m LEFT JOIN/],
];

/** What a statement is called; one that is not known by its verb and table. */
function stepOf(sql: string): string {
  const known = STATEMENTS.find(([, pattern]) => pattern.test(sql));
  if (known) return known[0];
  const [, verb = '', table = ''] =
    /^\s*(\w+)[\s\S]*?\b(?:FROM|INTO|UPDATE|JOIN)\s+(\w+)/i.exec(` ${sql} FROM ?`) ?? [];
  return `${verb.toLowerCase()} ${table}`;
}

/** What a transaction commits, by the statement that it cannot be without. */
function commitOf(steps: string[]): string {
  const of = ['end generation', 'request stop', 'keep answer', 'post entry'].find((step) =>
    steps.includes(step),
  );
  return `commit: ${of ?? steps.at(-1) ?? 'nothing'}`;
}

/** The feed as a process reaches it. */
export function crashingFeed(real: MemoryFeed, process: CrashingProcess): MemoryFeed {
  const live: LiveTexts = {
    open(ref) {
      const text = real.live.open(ref);
      return { append: (delta) => process.pass('append', () => text.append(delta)) };
    },
    read: (ref) => process.pass('read live text', () => real.live.read(ref)),
    drop: (ref) => process.pass('drop live text', () => real.live.drop(ref)),
  };
  return {
    ...real,
    live,
    rooms: {
      publish: (room, event, payload) =>
        process.pass(`publish ${event}`, () => real.rooms.publish(room, event, payload)),
    },
    control: {
      publish: (topic, payload) => process.pass(`tell ${topic}`, () => real.control.publish(topic, payload)),
      subscribe: (topic, listener) =>
        real.control.subscribe(topic, (payload) => {
          if (!process.dead) listener(payload);
        }),
    },
    health: CAREFREE,
    // What is published is written down once, not by each process.
    listen: () => () => false,
    close: async () => {},
  };
}

/** No provider ever cools down: what is scripted to fail is to fail at the provider. */
const CAREFREE: Feed['health'] = {
  count: async () => {},
  counts: async () => ({ ok: 0, failed: 0 }),
  forget: async () => {},
  putCooldown: async () => {},
  dropCooldown: async () => {},
  cooldowns: async () => [],
};

/** The queue as a process reaches it. */
export function crashingQueue(real: GenerationQueue, process: CrashingProcess): GenerationQueue {
  return {
    ...real,
    enqueue: (id) => process.pass('enqueue', () => real.enqueue(id)),
    enqueueAgain: (id) => process.pass('enqueue again', () => real.enqueueAgain(id)),
    remove: (id) => process.pass('remove job', () => real.remove(id)),
  };
}
