import { newId } from '../../src/base/ids.ts';
import type { RoomEventName } from '../../src/contracts/events.ts';
import { type Database, rows } from '../../src/data/database.ts';
import { createMemoryFeed, type MemoryFeed } from '../../src/feed/memory.ts';
import { balanceRoutes } from '../../src/http/routes/balance.ts';
import { exportRoutes } from '../../src/http/routes/exports.ts';
import { groupRoutes } from '../../src/http/routes/groups.ts';
import { messageRoutes } from '../../src/http/routes/messages.ts';
import { sessionRoutes } from '../../src/http/routes/sessions.ts';
import type { GenerationQueue } from '../../src/queue/generation-queue.ts';
import { createAccessDirectory } from '../../src/services/access.ts';
import { createAccessTokens } from '../../src/services/access-tokens.ts';
import { createAdjustBalance } from '../../src/services/adjust-balance.ts';
import { createAnnouncer } from '../../src/services/announce.ts';
import { createAnnounceEnd } from '../../src/services/announce-end.ts';
import { createBackground } from '../../src/services/background.ts';
import { createExportSession } from '../../src/services/export-session.ts';
import { createGroups } from '../../src/services/groups.ts';
import { createLedger } from '../../src/services/ledger.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { createMessages } from '../../src/services/messages.ts';
import { createModelDirectory } from '../../src/services/model-directory.ts';
import { createPostTurn } from '../../src/services/post-turn.ts';
import { createReadBalance } from '../../src/services/read-balance.ts';
import { createRefundGeneration } from '../../src/services/refund-generation.ts';
import { createRegenerateMessage } from '../../src/services/regenerate-message.ts';
import { createSendMessage } from '../../src/services/send-message.ts';
import { createSessions } from '../../src/services/sessions.ts';
import { createStopGeneration } from '../../src/services/stop-generation.ts';
import { silentLog as log } from './global.ts';
import { startTestApp, TEST_JWT_SECRET } from './http-app.ts';
import { HOLDS, NO_LIMITS, NO_RATE_LIMIT, openTestAccount } from './limits.ts';
import { testModel } from './models.ts';
import { RestClient } from './rest-client.ts';

/** Rupees per US dollar, in tests. */
const INR_PER_USD = 88;

/** A published event. */
export interface PublishedEvent {
  room: string;
  event: RoomEventName;
  payload: unknown;
}

/**
 * The REST side over real HTTP and a real database: everything but the workers: what is asked stays
 * queued.
 */
export interface RestApp {
  readonly url: string;
  readonly database: Database;
  readonly feed: MemoryFeed;
  /** Every published event, in order. */
  readonly events: PublishedEvent[];
  /** Set: nothing can be published. */
  brokerAway: boolean;
  /** A new user, with credits. */
  signUp(): Promise<RestClient>;
  close(): Promise<void>;
}

/** Starts it on a free port. The database stays open when it is closed. */
export async function startRestApp(database: Database): Promise<RestApp> {
  const feed = createMemoryFeed();
  const events: PublishedEvent[] = [];
  feed.listen((room, event, payload) => events.push({ room, event, payload }));

  const announce = createAnnouncer(
    {
      publish: async (...event) => {
        if (app.brokerAway) throw new Error('the broker is away');
        await feed.rooms.publish(...event);
      },
    },
    log,
  );
  const shared = { database, announce, log, inrPerUsd: INR_PER_USD, limits: NO_LIMITS };
  const models = createModelDirectory(
    ['echo', 'openai'],
    ['echo', 'openai/gpt-4'].map((id) => testModel(id)),
  );
  const { present } = createLiveMessages({ ...shared, live: feed.live });
  const { stopMessage, stopSession } = createStopGeneration({
    ...shared,
    queue: idleQueue,
    control: feed.control,
    announceEnd: createAnnounceEnd(shared),
    background: createBackground(log),
  });
  const rateLimit = NO_RATE_LIMIT;
  const access = createAccessDirectory({ database, control: feed.control });
  const postTurn = createPostTurn({
    ...shared,
    queue: idleQueue,
    access,
    maxMessageChars: 100_000,
    holds: HOLDS,
    rateLimit,
  });
  const sending = { ...shared, models, postTurn };
  const sessions = createSessions({ ...shared, models, access, stopSession, defaultModel: () => 'echo' });
  const messages = createMessages({ ...shared, present, stopMessage });

  const server = await startTestApp({
    database,
    routes: [
      groupRoutes({ groups: createGroups(shared), sessions }),
      sessionRoutes({ sessions, messages }),
      exportRoutes({ exportSession: createExportSession({ ...shared, present }), log }),
      messageRoutes({
        messages,
        stopMessage,
        sendMessage: createSendMessage(sending),
        regenerateMessage: createRegenerateMessage(sending),
      }),
      balanceRoutes({
        readBalance: createReadBalance(database),
        ledger: createLedger(database),
        adjustBalance: createAdjustBalance(shared),
        refundGeneration: createRefundGeneration(shared),
      }),
    ],
  });
  const accessTokens = createAccessTokens({ secret: TEST_JWT_SECRET, minutes: 15 });

  const app: RestApp = {
    url: server.url,
    database,
    feed,
    events,
    brokerAway: false,
    async signUp() {
      const userId = newId();
      await rows(database.db, 'INSERT INTO users (id, email) VALUES ($1, $2)', [
        userId,
        `${userId}@example.com`,
      ]);
      await openTestAccount(database, userId);
      const { token } = accessTokens.issue({ id: userId, role: 'user' }, newId());
      return new RestClient({ url: server.url, userId, token });
    },
    async close() {
      await server.close();
      await feed.close();
    },
  };
  return app;
}

/** No worker takes anything from it. */
const idleQueue: GenerationQueue = {
  async enqueue() {},
  async enqueueAgain() {},
  async remove() {},
  async ping() {},
  async close() {},
};
