import type { Server } from 'socket.io';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { checkUntrusted } from '../base/untrusted-json.ts';
import { checkInput, invalidInput } from '../base/validation.ts';
import { authSchema, CHAT_NAMESPACE, type ClientToServerEvents } from '../contracts/events.ts';
import { presentProblem } from '../presenters/problem.ts';
import type { Authenticate } from '../services/authenticate.ts';
import type { Identity } from '../services/identity.ts';
import type { Revocations } from '../services/revocations.ts';
import type { SendMessage } from '../services/send-message.ts';
import type { StopGeneration } from '../services/stop-generation.ts';
import type { EventHandler } from './handlers/handler.ts';
import { joinHandler, type RequireSession } from './handlers/join.ts';
import { leaveHandler } from './handlers/leave.ts';
import { renewAuthHandler } from './handlers/renew-auth.ts';
import { sendMessageHandler } from './handlers/send-message.ts';
import { stopMessageHandler } from './handlers/stop-message.ts';
import type { Handshakes } from './handshakes.ts';
import { type ChatSocket, type ConnectionDeps, SocketConnection } from './socket-connection.ts';
import { CHAT, type WatchAccessDeps, watchAccess } from './watch-access.ts';

/** What the namespace needs. */
export interface ChatNamespaceDeps extends ConnectionDeps, WatchAccessDeps {
  authenticate: Authenticate;
  /** Has counted each connection like any request, and counts what is sent over it. */
  handshakes: Pick<Handshakes, 'enter' | 'countRequest'>;
  requireSession: RequireSession;
  sendMessage: SendMessage;
  stopMessage: StopGeneration['stopMessage'];
  revocations: Pick<Revocations, 'isRevoked' | 'onRevoked'>;
}

/** Longest name of an unknown event that is echoed. */
const MAX_SHOWN = 100;

/** An event that is to be answered. */
interface AskedEvent {
  event: string;
  /** Sends the answer, if one is wanted. */
  reply(answer: object): void;
}

/** Serves the `/chat` namespace. Returns how to stop. */
export function serveChatNamespace(io: Server, deps: ChatNamespaceDeps): () => void {
  const connections = new Set<SocketConnection>();
  const namespace = io.of(CHAT_NAMESPACE);
  const handlers: Record<keyof ClientToServerEvents, EventHandler> = {
    join: joinHandler(deps.requireSession),
    leave: leaveHandler,
    'message:send': sendMessageHandler(deps.sendMessage, ({ socket }) =>
      deps.handshakes.countRequest(socket.request),
    ),
    'message:stop': stopMessageHandler(deps.stopMessage),
    auth: renewAuthHandler(admit),
  };

  io.of('/').use((_socket, next) =>
    next(refusal(new AppError('not_found', `Connect to ${CHAT_NAMESPACE}.`))),
  );

  namespace.use((socket, next) => {
    accept(socket).then(
      () => next(),
      (error: unknown) => next(refusal(error)),
    );
  });

  namespace.on('connection', (socket: ChatSocket) => {
    const connection = socket.data.connection as SocketConnection;
    connections.add(connection);
    const unwatch = watchAccess(deps, {
      identity: () => connection.identity,
      end: () => socket.disconnect(true),
    });
    socket.on('disconnect', () => {
      unwatch();
      connections.delete(connection);
      connection.close();
    });
    socket.onAny((event: string, ...args: unknown[]) => take(connection, event, args));
    // It may have been revoked while the connection was made, when nobody was told.
    if (deps.revocations.isRevoked(connection.identity.familyId)) socket.disconnect(true);
  });

  const unsubscribe = deps.revocations.onRevoked((familyId) => {
    for (const { identity, socket } of connections) {
      if (identity.familyId === familyId) socket.disconnect(true);
    }
  });

  /** The room of the user is joined before the client hears that it is connected, so that it misses nothing. */
  async function accept(socket: ChatSocket): Promise<void> {
    await deps.handshakes.enter(socket.request);
    const identity = await identify(socket.handshake.auth);
    // It left meanwhile, which is told once: Socket.IO drops it without a word.
    if (socket.conn.readyState !== 'open') return;
    const connection = new SocketConnection(socket, identity, deps);
    socket.data.connection = connection;
    socket.conn.on('close', () => connection.close());
    await connection.open();
  }

  async function identify(auth: Record<string, unknown>): Promise<Identity> {
    const { token } = auth;
    if (token === undefined) throw new AppError('unauthenticated', 'Connect with `auth: { token }`.');
    const checked = checkInput(authSchema, { token }, 'auth');
    if (!checked.ok)
      throw new AppError('unauthenticated', 'The token is not valid.', { errors: checked.errors });
    return admit(checked.value.token);
  }

  /** Who a token speaks for, if that is somebody who may be here. */
  async function admit(token: string): Promise<Identity> {
    const identity = await deps.authenticate(token);
    await deps.authorize(identity, CHAT);
    return identity;
  }

  /** What is no event is refused at once; what is one is done when it is its turn. */
  function take(connection: SocketConnection, event: string, args: unknown[]): void {
    const ack = args.at(-1);
    const asked: AskedEvent = {
      event,
      reply: (answer) => {
        if (typeof ack === 'function') connection.reply(() => ack(answer));
      },
    };
    try {
      const { handler, payload } = read(event, args);
      const work = handler.take(connection, payload, () => deps.authorize(connection.identity, CHAT));
      connection.work(event, payload, () => answer(asked, work));
    } catch (error) {
      refuse(asked, error);
    }
  }

  function read(event: string, args: unknown[]): { handler: EventHandler; payload: unknown } {
    const handler = Object.hasOwn(handlers, event) ? handlers[event as keyof typeof handlers] : undefined;
    if (!handler) throw new AppError('not_found', `There is no event "${shown(event)}".`);
    const checked = checkUntrusted(handler.schema, payloadOf(args), 'payload');
    if (!checked.ok) throw invalidInput(checked.errors);
    return { handler, payload: checked.value };
  }

  async function answer(asked: AskedEvent, work: () => Promise<object>): Promise<void> {
    try {
      asked.reply({ ok: true, ...(await work()) });
    } catch (error) {
      refuse(asked, error);
    }
  }

  function refuse({ event, reply }: AskedEvent, error: unknown): void {
    const requestId = newId();
    if (!(error instanceof AppError))
      deps.log.error({ err: error, event, requestId }, 'a socket event failed');
    reply({ ok: false, error: presentProblem(error, requestId) });
  }

  return () => {
    unsubscribe();
    for (const connection of connections) connection.close();
  };
}

/** What stands before the acknowledgement. Bytes have properties that would be taken for fields: they are no object. */
function payloadOf([payload]: unknown[]): unknown {
  if (typeof payload === 'function') return undefined;
  return ArrayBuffer.isView(payload) ? null : payload;
}

/** A name from outside, as it may stand in an answer. */
const shown = (name: unknown): string => String(name).slice(0, MAX_SHOWN).toWellFormed();

/** An error whose `data` the client finds in its `connect_error`. */
function refusal(error: unknown): Error {
  const problem = presentProblem(error, newId());
  return Object.assign(new Error(problem.code), { data: problem });
}
