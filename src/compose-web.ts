import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import type { Config } from './base/config.ts';
import { connectRedis, disconnectRedis } from './base/redis.ts';
import { VERSION } from './base/version.ts';
import type { Core } from './compose.ts';
import { composeAdmin } from './compose-admin.ts';
import { composeAi } from './compose-ai.ts';
import { composeCalls } from './compose-calls.ts';
import { composeConversations } from './compose-conversations.ts';
import { composeSignIn } from './compose-sign-in.ts';
import { composeSystem } from './compose-system.ts';
import { composeUser } from './compose-user.ts';
import { CHAT_NAMESPACE } from './contracts/events.ts';
import type { DoorParts } from './door-parts.ts';
import { RespSubscriber } from './feed/resp-subscriber.ts';
import { createHttpApp } from './http/app.ts';
import { createHttpServer } from './http/http-server.ts';
import { createIdentifyRefresh } from './http/identify-refresh.ts';
import { createRefreshCookie } from './http/refresh-cookie.ts';
import { apiKeyRoutes } from './http/routes/api-keys.ts';
import { balanceRoutes } from './http/routes/balance.ts';
import { docsRoutes } from './http/routes/docs.ts';
import { exportRoutes } from './http/routes/exports.ts';
import { groupRoutes } from './http/routes/groups.ts';
import { messageRoutes } from './http/routes/messages.ts';
import { modelRoutes } from './http/routes/models.ts';
import { sessionRoutes } from './http/routes/sessions.ts';
import { sseRoutes } from './http/routes/sse.ts';
import { statsRoutes } from './http/routes/stats.ts';
import { systemRoutes } from './http/routes/system.ts';
import { boundPackets } from './realtime/bound-packets.ts';
import { serveChatNamespace } from './realtime/chat-namespace.ts';
import { limitHandshakes, refuseUnanswerable } from './realtime/engine-requests.ts';
import { createEventStreams } from './realtime/event-streams.ts';
import { createFollowReplies } from './realtime/follow-replies.ts';
import { Handshakes } from './realtime/handshakes.ts';
import { RoomHub, type RoomSource } from './realtime/room-hub.ts';
import { memoryRoomSource, redisRoomSource } from './realtime/room-sources.ts';
import { createSessionStreams } from './realtime/sse.ts';
import { UserConnections } from './realtime/user-connections.ts';
import { createAccessDirectory } from './services/access.ts';
import { createAccessTokens } from './services/access-tokens.ts';
import { createAdjustBalance } from './services/adjust-balance.ts';
import { createAdminStats } from './services/admin-stats.ts';
import { createApiKeyDirectory } from './services/api-key-directory.ts';
import { createApiKeys } from './services/api-keys.ts';
import { createAuthenticate } from './services/authenticate.ts';
import { createAuthorize } from './services/authorize.ts';
import { createBackground } from './services/background.ts';
import { createBoardSessions } from './services/board-sessions.ts';
import { checkDefaultRole } from './services/default-role.ts';
import { createDeleteAccount } from './services/delete-account.ts';
import { createExportSession } from './services/export-session.ts';
import { createGroups } from './services/groups.ts';
import { createIdentifyRefreshToken } from './services/identify-refresh-token.ts';
import { loadJwtSecret } from './services/jwt-secret.ts';
import { createLedger } from './services/ledger.ts';
import { createMessages } from './services/messages.ts';
import { createModels } from './services/models.ts';
import { createPostTurn } from './services/post-turn.ts';
import { createRateLimits } from './services/rate-limits.ts';
import { ratePolicies } from './services/rate-policies.ts';
import { createReadBalance } from './services/read-balance.ts';
import { createRefreshSecrets } from './services/refresh-secrets.ts';
import { createRefundGeneration } from './services/refund-generation.ts';
import { createRegenerateMessage } from './services/regenerate-message.ts';
import { createRevocations } from './services/revocations.ts';
import { createSendMessage } from './services/send-message.ts';
import { createSessions } from './services/sessions.ts';
import { createStopGeneration } from './services/stop-generation.ts';
import { createStreamTickets } from './services/stream-tickets.ts';
import { createUserRoomState } from './services/user-room.ts';
import { createUserStatistics } from './services/user-stats.ts';

/**
 * Builds the web side on a server that does not listen yet.
 *
 * @throws when new accounts cannot be given their role
 */
export async function composeWeb(core: Core): Promise<HttpServer> {
  const { config, log, lifecycle, resources, metrics, inrPerUsd, announce, models, queue, liveMessages } =
    core;
  const { database, feed } = resources;
  await checkDefaultRole({ ...core, database, name: config.DEFAULT_ROLE });

  const identity = await composeIdentity(core);
  const rateLimits = createRateLimits(ratePolicies(config), feed.rateLimits);
  const background = createBackground(log);
  lifecycle.onClose('background', () => background.stop(), BACKGROUND_STOP_MS);
  const { stopMessage, stopSession } = createStopGeneration({
    ...core,
    database,
    control: feed.control,
    background,
  });
  const postTurn = createPostTurn({
    database,
    access: identity.access,
    announce,
    queue,
    log,
    inrPerUsd,
    limits: core.limits,
    rateLimit: rateLimits.generation,
    holds: { reserveTokens: config.HOLD_OUTPUT_TOKENS, minutes: config.HOLD_MINUTES },
    maxMessageChars: config.MAX_MESSAGE_CHARS,
  });
  const sendMessage = createSendMessage({ database, models, announce, postTurn, inrPerUsd });
  const regenerateMessage = createRegenerateMessage({ database, models, postTurn });
  const { present } = liveMessages;
  const groups = createGroups({ database, announce, inrPerUsd });
  const sessions = createSessions({
    database,
    models,
    access: identity.access,
    announce,
    stopSession,
    defaultModel: core.defaultModel,
    inrPerUsd,
  });
  const messages = createMessages({ database, present, announce, stopMessage, inrPerUsd });

  const io = openSocketServer(config);
  const server = createHttpServer({ upgradePath: `${io.path()}/` });
  const rooms = await openRoomSource(io, core);
  const hub = new RoomHub(rooms);
  const realtime = {
    hub,
    messages: liveMessages,
    userRoom: createUserRoomState({ database, inrPerUsd }),
    userConnections: new UserConnections(config.MAX_CONNECTIONS_PER_USER),
    maxBufferBytes: config.SOCKET_BUFFER_BYTES,
    revocations: identity.revocations,
    access: identity.access,
    authorize: identity.authorize,
    requireSession: core.requireSession,
    sendMessage,
    log,
  };
  const streams = createEventStreams({ ...realtime, heartbeatMs: config.SSE_HEARTBEAT_MS });
  const { serve } = createSessionStreams({ ...realtime, streams });
  const doors: DoorParts = {
    core,
    access: identity.access,
    postTurn,
    sendMessage,
    followReplies: createFollowReplies(realtime),
    stopMessage,
    stopSession,
    streams,
    sessions,
    messages,
    rateLimits,
    background,
  };
  const handshakes = new Handshakes({ rateLimit: rateLimits.global, proxyHops: config.TRUST_PROXY_HOPS });
  const stopSockets = serveChatNamespace(io, {
    ...realtime,
    ...identity,
    stopMessage,
    handshakes,
  });

  const refreshCookie = createRefreshCookie(config);
  const deleteAccount = createDeleteAccount({ ...core, ...identity, database, feed });
  const app = createHttpApp({
    config,
    log,
    authenticate: identity.authenticate,
    redeemTicket: identity.streamTickets.redeem,
    identifyRefresh: createIdentifyRefresh(createIdentifyRefreshToken(database), refreshCookie),
    authorize: identity.authorize,
    rateLimits,
    onAnswered: metrics.requestAnswered,
    routes: [
      systemRoutes({
        version: VERSION,
        log,
        checks: {
          database: () => database.ping(),
          feed: () => feed.ping(),
          rooms: () => rooms.ping(),
          queue: () => queue.ping(),
        },
      }),
      ...composeSignIn({ ...core, ...identity, database, feed, rateLimits, background }),
      ...composeCalls(doors),
      ...composeConversations(doors),
      ...composeAi(doors),
      apiKeyRoutes({ apiKeys: createApiKeys({ database, revocations: identity.revocations }) }),
      composeUser(core, { deleteAccount, rateLimits, refreshCookie }),
      groupRoutes({ groups, sessions }),
      sessionRoutes({ sessions, messages }),
      exportRoutes({ exportSession: createExportSession({ database, present, inrPerUsd }), log }),
      messageRoutes({ messages, sendMessage, regenerateMessage, stopMessage }),
      sseRoutes({ requireSession: core.requireSession, sendMessage, serve }),
      ...composeAdmin(core, { ...identity, stopSession, deleteAccount }),
      modelRoutes({
        models: createModels({ database, catalogue: core.catalogue, served: core.providers.names }),
        syncModels: core.syncModels,
      }),
      balanceRoutes({
        readBalance: createReadBalance(database),
        ledger: createLedger(database),
        adjustBalance: createAdjustBalance({ database, announce }),
        refundGeneration: createRefundGeneration({ database, announce }),
      }),
      statsRoutes({
        userStats: createUserStatistics({ database, limits: core.limits, inrPerUsd }),
        adminStats: createAdminStats({ database, inrPerUsd }),
      }),
      ...composeSystem(core, {
        boardSessions: identity.boardSessions,
        connections: () => ({ socket: io.of(CHAT_NAMESPACE).sockets.size, stream: streams.count }),
      }),
      docsRoutes({ version: VERSION }),
    ],
  });
  server.on('request', app.listener);
  // After the app: Socket.IO puts itself before the listeners that it finds, and keeps its requests from them.
  io.attach(server);
  boundPackets(io.engine);
  limitHandshakes(io, handshakes);
  refuseUnanswerable(io);

  lifecycle.onClose(
    'HTTP server',
    async () => {
      // Clients are cut off below Socket.IO, so that they take it for a lost connection and come back elsewhere.
      streams.stop();
      stopSockets();
      const closed = new Promise((resolve) => server.close(resolve));
      io.engine.close();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), LINGER_MS);
      await closed;
      clearTimeout(late);
    },
    LINGER_MS * 2,
  );
  return server;
}

/** How long requests that are being answered may go on at a stop, in milliseconds. */
const LINGER_MS = 2_000;
/** Longer than the background waits for what runs. */
const BACKGROUND_STOP_MS = 6_000;

async function composeIdentity({ config, log, lifecycle, resources }: Core) {
  const { database, feed } = resources;
  const secret = await loadJwtSecret(config);
  const accessTokens = createAccessTokens({ secret, minutes: config.ACCESS_TOKEN_MINUTES });
  const revocations = createRevocations({
    database,
    control: feed.control,
    log,
    accessTokenMinutes: config.ACCESS_TOKEN_MINUTES,
  });
  await revocations.start();
  lifecycle.onClose('revocations', () => revocations.stop());
  const apiKeys = createApiKeyDirectory({ database, revocations, log });
  lifecycle.onClose('API keys', () => apiKeys.stop());
  const secrets = createRefreshSecrets(secret);
  const access = createAccessDirectory({ database, control: feed.control });
  lifecycle.onClose('access', () => access.stop());
  return {
    revocations,
    access,
    authorize: createAuthorize(access),
    authenticate: createAuthenticate({ accessTokens, apiKeys, revocations }),
    accessTokens,
    secrets,
    boardSessions: createBoardSessions({
      secret,
      revocations,
      accessTokenMinutes: config.ACCESS_TOKEN_MINUTES,
    }),
    streamTickets: createStreamTickets({ tickets: feed.tickets, revocations }),
  };
}

function openSocketServer(config: Config): Server {
  const [origins, any] = [config.CORS_ORIGINS, config.CORS_ORIGINS.includes('*')];
  return new Server({
    serveClient: false,
    perMessageDeflate: false,
    // Larger than any body that is accepted, so that one that is too large is refused by name, not cut off.
    maxHttpBufferSize: config.MAX_BODY_BYTES * 4,
    ...(origins.length > 0 ? { cors: { origin: any ? '*' : origins, credentials: !any } } : {}),
  });
}

async function openRoomSource(io: Server, { config, log, lifecycle, resources }: Core): Promise<RoomSource> {
  if (resources.memoryFeed) return memoryRoomSource(resources.memoryFeed);
  const url = config.REDIS_URL ?? '';
  const publisher = await connectRedis(url, { name: 'adapter', kind: 'command' }, log);
  lifecycle.onClose('adapter', () => disconnectRedis(publisher));
  const subscriber = await RespSubscriber.open({
    url,
    name: 'parley-rooms',
    onError: (error) => log.warn({ err: error, connection: 'rooms' }, 'redis connection failed'),
  });
  lifecycle.onClose('rooms', () => subscriber.close());
  return redisRoomSource(io, { publisher, subscriber, ping: () => resources.feed.ping() }, log);
}
