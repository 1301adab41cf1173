import type { Logger } from '../base/logger.ts';
import type { Message } from '../contracts/message.ts';
import { presentBalance } from '../presenters/balance.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { Announcer } from './announce.ts';
import type { Stored } from './store-turn.ts';

/** What {@link launch} needs. */
export interface LaunchDeps {
  announce: Announcer;
  queue: GenerationQueue;
  log: Logger;
}

/** A turn that was stored. */
export interface LaunchedTurn {
  /** To be shown: all that was stored, in the order of their ids. */
  messages: Message[];
  /** What `storeTurn` returned. */
  stored: Stored;
}

/**
 * Tells the room of a committed turn, then queues its generations. It does not wait in between, but keeps the order: else
 * somebody might see a delta before its message was announced, or a hold after it was released. What a crash or a lost
 * queue leaves undone, the sweeper does.
 */
export async function launch(deps: LaunchDeps, { messages, stored }: LaunchedTurn): Promise<void> {
  const { announce, queue, log } = deps;
  const { account, previousId } = stored;
  const { userId, replies } = stored.turn;
  const announced = messages.map((message, index) => {
    const event = { ...message, previousId: messages[index - 1]?.id ?? previousId };
    return announce.toSession(message.sessionId, 'message:new', event);
  });
  if (account) announced.push(announce.toUser(userId, 'balance:update', presentBalance(account)));
  const queued = await Promise.allSettled(replies.map(({ generation }) => queue.enqueue(generation.id)));
  for (const result of queued) {
    if (result.status === 'rejected') log.warn({ err: result.reason }, 'a generation was not queued');
  }
  await Promise.all(announced);
}
