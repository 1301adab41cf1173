import { newId } from '../../src/base/ids.ts';
import type { MovedBalance } from '../../src/contracts/routes/balance.ts';
import type { LedgerEntry } from '../../src/contracts/routes/ledger.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import type { TestDatabase } from './database.ts';
import type { PublishedEvent } from './rest-app.ts';
import type { RestClient } from './rest-client.ts';
import { signUp, type TestUser } from './test-user.ts';
import { startWebApp, type WebApp } from './web-app.ts';

/** The web side with an admin, for tests of credits. */
export interface CreditDoors {
  readonly app: WebApp;
  readonly admin: RestClient;
  /** Every published event, in order. */
  readonly events: PublishedEvent[];
  /** A new user, with the welcome credits. */
  signUp(): Promise<{ user: TestUser; client: RestClient }>;
  /** `PUT /v1/balance`, which must be taken. */
  put(body: object, key?: string): Promise<MovedBalance>;
  /** A generation that has ended, and was charged this; 0: it was not. */
  charged(userId: string, credits: string): Promise<string>;
  /** The whole statement of a user. */
  statement(client: RestClient, limit?: number): Promise<LedgerEntry[]>;
  close(): Promise<void>;
}

/** Starts it. The database stays open when it is closed. */
export async function startCreditDoors(
  database: TestDatabase,
  env: Record<string, string> = {},
): Promise<CreditDoors> {
  const app = await startWebApp(database, { ADMIN_EMAIL: 'boss@example.com', RATE_LIMITS: 'off', ...env });
  const events: PublishedEvent[] = [];
  app.feed.listen((room, event, payload) => events.push({ room, event, payload }));
  const admin = (await signUp(app, 'boss@example.com')).at(app);
  return {
    app,
    admin,
    events,
    async signUp() {
      const user = await signUp(app);
      return { user, client: user.at(app) };
    },
    async put(body, key) {
      const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
      const answer = await admin.send('PUT', '/v1/balance', { reason: 'a test', ...body }, { headers });
      if (!answer.ok) throw new Error(`PUT /v1/balance: ${await answer.text()}`);
      return (await answer.json()) as MovedBalance;
    },
    async charged(userId, credits) {
      const id = newId();
      await rows(
        database.db,
        `INSERT INTO generations (id, user_id, session_id, message_id, model, status, price, credits, completed_at)
         VALUES ($1, $2, $3, $4, 'openai/a', 'completed', '{}', $5, now())`,
        [id, userId, newId(), newId(), credits],
      );
      if (Number(credits) !== 0) {
        const charge = {
          id: newId(),
          userId,
          kind: 'charge' as const,
          amount: `-${credits}`,
          generationId: id,
        };
        await database.transaction((db) => postEntry(db, charge));
      }
      return id;
    },
    statement: (client, limit = 100) => client.all<LedgerEntry>(`/user/ledger?limit=${limit}`),
    close: () => app.close(),
  };
}
