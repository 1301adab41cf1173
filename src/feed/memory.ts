import { EventEmitter } from 'node:events';
import { now } from '../base/clock.ts';
import { sessionRoom } from '../contracts/events.ts';
import { createMemoryHealth } from './memory-health.ts';
import { createMemoryRateLimits } from './memory-rate-limits.ts';
import type {
  ControlBus,
  Feed,
  LiveRef,
  LiveTexts,
  RoomListener,
  RoomPublisher,
  TicketStore,
  Written,
} from './ports.ts';
import { streamEvent } from './stream-event.ts';

/** The feed of a single process: nothing leaves it. */
export interface MemoryFeed extends Feed {
  /** Every event of every room, in the order of publishing. Returns how to stop. */
  listen(listener: RoomListener): () => void;
}

/** Makes the feed of a single process. */
export function createMemoryFeed(): MemoryFeed {
  const listeners = new Set<RoomListener>();
  const rooms: RoomPublisher = {
    async publish(room, event, payload) {
      for (const listener of listeners) listener(room, event, payload);
    },
  };
  return {
    rooms,
    live: createLiveTexts(rooms),
    control: createControlBus(),
    tickets: createTicketStore(),
    health: createMemoryHealth(),
    rateLimits: createMemoryRateLimits(),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async ping() {},
    async close() {
      listeners.clear();
    },
  };
}

function createLiveTexts(rooms: RoomPublisher): LiveTexts {
  const texts = new Map<string, Written>();
  return {
    open(ref) {
      const key = keyOf(ref);
      const room = sessionRoom(ref.sessionId);
      return {
        async append({ channel, offset, text }) {
          const written = texts.get(key) ?? { text: '', reasoning: null };
          if (channel) written.reasoning = (written.reasoning ?? '') + text;
          else written.text += text;
          texts.set(key, written);
          const of = channel ? { ...ref, channel } : ref;
          await rooms.publish(room, 'message:stream', streamEvent(of, offset, text));
        },
      };
    },
    async read(ref) {
      const written = texts.get(keyOf(ref));
      return written ? { ...written } : null;
    },
    drop: async (ref) => {
      texts.delete(keyOf(ref));
    },
  };
}

const keyOf = ({ messageId, attempt }: LiveRef): string => `${messageId}:${attempt}`;

function createControlBus(): ControlBus {
  const bus = new EventEmitter();
  bus.setMaxListeners(0);
  return {
    async publish(topic, payload) {
      bus.emit(topic, payload);
    },
    subscribe(topic, listener) {
      bus.on(topic, listener);
      return () => bus.off(topic, listener);
    },
  };
}

function createTicketStore(): TicketStore {
  const tickets = new Map<string, { value: string; expiresAt: number }>();
  const sweep = () => {
    for (const [key, { expiresAt }] of tickets) {
      // Insertion order is close to the order of expiry; a longer-lived ticket before a shorter one only waits.
      if (expiresAt > now()) return;
      tickets.delete(key);
    }
  };
  return {
    async put(key, value, ttlMs) {
      sweep();
      tickets.set(key, { value, expiresAt: now() + ttlMs });
    },
    async take(key) {
      const ticket = tickets.get(key);
      tickets.delete(key);
      return ticket && ticket.expiresAt > now() ? ticket.value : null;
    },
  };
}
