import type { Redis } from 'ioredis';

/** One command: its name and its arguments. */
export type RedisCommand = [name: string, ...args: (string | number)[]];
/** What a command was answered with. */
export type RedisReply = [error: Error | null, value: unknown];

interface Waiting {
  commands: RedisCommand[];
  resolve: (replies: RedisReply[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends what many callers ask for in one turn of the event loop as one pipeline: one write, and on the other side
 * one read, instead of one each. Adds no wait: a turn ends when there is nothing left to do in it.
 */
export class PipelineBatch {
  readonly #redis: Redis;
  #waiting: Waiting[] = [];

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Runs commands one after the other, and tells how each was answered.
   *
   * @throws when the connection is lost before the answers are there
   */
  run(commands: RedisCommand[]): Promise<RedisReply[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(this.#flush);
      this.#waiting.push({ commands, resolve, reject });
    });
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#redis
      .pipeline(waiting.flatMap(({ commands }) => commands))
      .exec()
      .then(
        (replies) => {
          let from = 0;
          for (const { commands, resolve } of waiting) {
            resolve((replies ?? []).slice(from, from + commands.length));
            from += commands.length;
          }
        },
        (error: unknown) => {
          for (const { reject } of waiting) reject(error);
        },
      );
  };
}
