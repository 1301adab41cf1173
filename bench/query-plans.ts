/**
 * Prints the plan of every list that a request waits for, over ten million messages: see docs/query-plans.md.
 *
 *   npx tsx bench/query-plans.ts postgres://…/empty-database [--fill]
 *
 * The statements are the repositories' own, taken at the door of the database, not copies of them.
 */
import { Client } from 'pg';
import { listGroups } from '../src/data/repositories/groups.ts';
import { findForgotten } from '../src/data/repositories/heartbeats.ts';
import { listOwnedMessages, pageMessagesAfter } from '../src/data/repositories/message-pages.ts';
import { listRunningMessages } from '../src/data/repositories/messages.ts';
import { listSessions } from '../src/data/repositories/sessions.ts';
import { requestStop } from '../src/data/repositories/stop-requests.ts';
import { explainAll, type RunStatement } from './support/explain.ts';
import { fill } from './support/fill.ts';

const [url, mode] = process.argv.slice(2);
if (!url) throw new Error('usage: npx tsx bench/query-plans.ts <database url> [--fill]');

if (mode === '--fill') await fill(url, 'ten-million.sql');
const client = new Client(url);
await client.connect();
const { user, small, group, session, running } = await pickIds();
const position = await deepPosition();
const middle = await middleMessage();

/** What `GET /sessions` asks for unless another kind is wanted. */
const chats = { userId: user, kind: 'chat' as const, limit: 21 };

const lists: [name: string, run: RunStatement][] = [
  ['sessions, first page', (db) => listSessions(db, chats)],
  ['sessions, 50,000 in', (db) => listSessions(db, { ...chats, after: position })],
  ['sessions of a group, first page', (db) => listSessions(db, { ...chats, group })],
  ['sessions of a group, deep', (db) => listSessions(db, { ...chats, group, after: position })],
  ['sessions in no group', (db) => listSessions(db, { ...chats, group: 'none' })],
  ['favourites, first page', (db) => listSessions(db, { ...chats, favourite: true })],
  ['favourites, deep', (db) => listSessions(db, { ...chats, favourite: true, after: position })],
  ['sessions of a kind', (db) => listSessions(db, { ...chats, kind: 'playground' })],
  ['search, found often', (db) => listSessions(db, { ...chats, search: 'SUBJECT 1' })],
  ['search, never found', (db) => listSessions(db, { ...chats, search: 'nowhere' })],
  [
    'search in the favourites of a group',
    (db) => listSessions(db, { ...chats, search: 'nowhere', group, favourite: true }),
  ],
  ['favourites of a group', (db) => listSessions(db, { ...chats, group, favourite: true })],
  ['search in a group, found often', (db) => listSessions(db, { ...chats, group, search: 'SUBJECT 1' })],
  [
    'search in the favourites, never found',
    (db) => listSessions(db, { ...chats, favourite: true, search: 'nowhere' }),
  ],
  [
    'search by a user with ten sessions',
    (db) => listSessions(db, { ...chats, userId: small, search: 'SUBJECT 1' }),
  ],
  ['groups', (db) => listGroups(db, { userId: user, limit: 21 })],
  ['messages, first page', (db) => listOwnedMessages(db, { userId: user, sessionId: session, limit: 20 })],
  [
    'messages, 50,000 in',
    (db) => listOwnedMessages(db, { userId: user, sessionId: session, limit: 20, before: middle }),
  ],
  [
    'messages, a page of an export',
    (db) => pageMessagesAfter(db, { sessionId: session, after: middle, limit: 200 }),
  ],
  ['running messages, some', (db) => listRunningMessages(db, running)],
  ['running messages, of a long session', (db) => listRunningMessages(db, session)],
  ['stop a session', (db) => requestStop(db, { userId: user, sessionId: session })],
  ['forgotten generations', (db) => findForgotten(db, { queuedMs: 5_000, silentMs: 15_000 })],
];

await explainAll(client, lists);
await client.end();

/** The heavy user, its largest group, its longest session, and a session that is being written to. */
async function pickIds() {
  const { rows } = await client.query<Record<'user' | 'small' | 'group' | 'session' | 'running', string>>(`
    SELECT u.id AS user, (SELECT id FROM users ORDER BY id DESC LIMIT 1) AS small,
           (SELECT id FROM groups WHERE user_id = u.id ORDER BY id LIMIT 1) AS "group",
           (SELECT id FROM sessions WHERE user_id = u.id ORDER BY id LIMIT 1) AS session,
           (SELECT session_id FROM generations WHERE status IN ('queued', 'streaming') AND user_id <> u.id LIMIT 1)
             AS running
      FROM users u ORDER BY id LIMIT 1`);
  const [ids] = rows;
  if (!ids) throw new Error('the database is empty: add --fill');
  return ids;
}

async function deepPosition() {
  const { rows } = await client.query<{ last_activity_at: Date; id: string }>(
    'SELECT last_activity_at, id FROM sessions WHERE user_id = $1 ORDER BY last_activity_at DESC, id DESC OFFSET 50000 LIMIT 1',
    [user],
  );
  const [at] = rows;
  return at && { lastActivityAt: at.last_activity_at, id: at.id };
}

async function middleMessage(): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM messages WHERE session_id = $1 ORDER BY id DESC OFFSET 50000 LIMIT 1',
    [session],
  );
  return rows[0]?.id ?? '00000000-0000-0000-0000-000000000000';
}
