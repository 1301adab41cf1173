import { ReplyError } from 'ioredis';

/** Redis is not there, or does not answer. It will be back. */
export class BrokerAway extends Error {
  override readonly name = 'BrokerAway';
}

/**
 * What Redis answers to a command.
 *
 * @throws {BrokerAway} when there is no answer; the answer, when it is an error
 */
export async function answerOf<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (cause) {
    if (cause instanceof ReplyError) throw cause;
    throw new BrokerAway('Redis does not answer.', { cause });
  }
}
