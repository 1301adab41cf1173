import { z } from 'zod';
import type { Problem } from './errors.ts';
import { idSchema, textSchema } from './fields.ts';
import { type Message, messageSchema } from './message.ts';
import type { SendMessageAnswer, sendMessageBody } from './routes/messages.ts';
import type { Session } from './session.ts';

/** The Socket.IO namespace. */
export const CHAT_NAMESPACE = '/chat';

/** How far a message is. */
const position = {
  messageId: idSchema,
  attempt: z.int().min(0).describe('The attempt that its text is from'),
  offset: z.int().min(0).describe('How many UTF-16 code units of that attempt it has'),
  reasoning: z
    .int()
    .min(0)
    .optional()
    .describe("How many UTF-16 code units of that attempt's reasoning it has; left out: none"),
};

/** How much of a message a client already has. */
export const haveSchema = z.strictObject({
  ...position,
  done: z
    .boolean()
    .optional()
    .describe(
      'Its last event came, too, and that of every older message that is not listed: none comes again',
    ),
});

/** Most messages of which a client says what it has. */
export const MAX_HAVE = 100;

/** Payload of `join`. */
export const joinSchema = z.strictObject({
  sessionId: idSchema,
  have: z
    .array(haveSchema)
    .max(MAX_HAVE)
    .optional()
    .describe('Messages that the client has in part, and the newest that has ended; newer ones are sent'),
});

/** Payload of `leave`. */
export const leaveSchema = z.strictObject({ sessionId: idSchema });

/** Payload of `message:stop`. */
export const stopSchema = z.strictObject({ messageId: idSchema });

/** Payload of `auth`. */
export const authSchema = z.strictObject({ token: textSchema({ min: 1, max: 4_096 }) });

/** What a client has of a message, see {@link haveSchema}. */
export type Have = z.infer<typeof haveSchema>;

/** One delta, of the text or of the reasoning. */
export interface StreamEvent {
  sessionId: string;
  messageId: string;
  /** Which try the text is from; a higher one starts over. */
  attempt: number;
  /** Only of a model that shows its reasoning: `delta` adds to that, and `offset` counts in it. */
  channel?: 'reasoning';
  /** UTF-16 code units of this attempt's text (of its reasoning, in that channel) that stand before `delta`. */
  offset: number;
  /** The text to add; never empty, never half a surrogate pair. */
  delta: string;
}

/** A message that was stored, as processes announce it; clients are shown the message alone. */
export type NewMessageEvent = Message & {
  /**
   * The message that was stored in the session before it, whether or not it is still there; null: there was none. Left out
   * where a message is told of afterwards.
   */
  previousId?: string | null;
};

/** The last event of a message. */
export const doneSchema = messageSchema
  .pick({ sessionId: true, status: true, finishReason: true, usage: true, cost: true, credits: true })
  .extend({ messageId: idSchema });
/** The last event of a message, see {@link doneSchema}. */
export type DoneEvent = z.infer<typeof doneSchema>;

/** A failed message's reason; `message:done` follows. */
export interface MessageErrorEvent {
  sessionId: string;
  messageId: string;
  error: NonNullable<Message['error']>;
}

/** What a user has. `available` = `balance` - `held`. Credits. */
export interface BalanceEvent {
  balance: number;
  held: number;
  available: number;
}

/** Events in the room of a session, by name. */
export interface SessionRoomEvents {
  /** A message was stored: the user's first, then each placeholder of a reply. */
  'message:new': NewMessageEvent;
  'message:stream': StreamEvent;
  /** The message, whole: its final content, or the content so far. Replaces what the client has. */
  'message:update': Message;
  'message:error': MessageErrorEvent;
  /** Nothing of this message follows. */
  'message:done': DoneEvent;
  'message:delete': { sessionId: string; messageId: string };
  'session:update': Session;
  'session:delete': { sessionId: string };
}

/** Events in the room of a user, by name. */
export interface UserRoomEvents {
  'balance:update': BalanceEvent;
  'session:new': Session;
}

/** Every event that is published to a room, as processes tell each other. */
export type RoomEvents = SessionRoomEvents & UserRoomEvents;
/** The name of a published event. */
export type RoomEventName = keyof RoomEvents;

/** An acknowledgement: what was asked, or why not. */
export type Ack<T> = (answer: ({ ok: true } & T) | { ok: false; error: Problem }) => void;

/** How far a running message is, after a join. */
export type LivePosition = z.infer<z.ZodObject<typeof position>>;

/** Server to client. */
export type ServerToClientEvents = {
  [E in RoomEventName]: (payload: E extends 'message:new' ? Message : RoomEvents[E]) => void;
} & {
  /** The token has run out: send `auth` with a fresh one, or be disconnected in `graceMs`. */
  'auth:expired': (payload: { graceMs: number }) => void;
};

/** Client to server, each acknowledged. */
export interface ClientToServerEvents {
  join: (payload: z.input<typeof joinSchema>, ack: Ack<{ live: LivePosition[] }>) => void;
  leave: (payload: z.input<typeof leaveSchema>, ack: Ack<object>) => void;
  'message:send': (payload: z.input<typeof sendMessageBody>, ack: Ack<SendMessageAnswer>) => void;
  'message:stop': (payload: z.input<typeof stopSchema>, ack: Ack<{ status: Message['status'] }>) => void;
  auth: (payload: z.input<typeof authSchema>, ack: Ack<{ expiresAt: string }>) => void;
}

/** The room of a session. The braces are a Redis hash tag: its channel and its live texts share a node. */
export const sessionRoom = (sessionId: string): string => `session:{${sessionId}}`;
/** The room of a user. */
export const userRoom = (userId: string): string => `user:{${userId}}`;
