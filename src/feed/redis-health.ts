import type { Redis } from 'ioredis';
import type { Cooldown, HealthStore, TimeSlice } from './ports.ts';

/** All of it on one node: it is little, and read together. */
const PREFIX = 'parley:{health}';
const COOLDOWNS = `${PREFIX}:cooldowns`;
/** Forgotten when nothing has cooled down for so long. */
const COOLDOWNS_TTL_SECONDS = 24 * 3600;

/** The health of providers in Redis: one hash with two counters for each slice of time, and one of all cooldowns. */
export function createRedisHealth(redis: Redis): HealthStore {
  return {
    async count(provider, slice, outcome) {
      const key = keyOf(provider, slice);
      const results = await redis.multi().hincrby(key, outcome, 1).pexpire(key, slice.keepMs).exec();
      throwFirst(results);
    },

    async counts(provider, slices) {
      const reading = redis.pipeline();
      for (const slice of slices) reading.hmget(keyOf(provider, slice), 'ok', 'failed');
      const results = await reading.exec();
      throwFirst(results);
      const counts = { ok: 0, failed: 0 };
      for (const [, values] of results ?? []) {
        const [ok, failed] = values as [string | null, string | null];
        counts.ok += Number(ok ?? 0);
        counts.failed += Number(failed ?? 0);
      }
      return counts;
    },

    async forget(provider, slices) {
      await redis.unlink(slices.map((slice) => keyOf(provider, slice)));
    },

    async putCooldown({ target, since, until }) {
      const results = await redis
        .multi()
        .hset(COOLDOWNS, target, `${since}:${until}`)
        .expire(COOLDOWNS, COOLDOWNS_TTL_SECONDS)
        .exec();
      throwFirst(results);
    },

    async dropCooldown(target) {
      await redis.hdel(COOLDOWNS, target);
    },

    async cooldowns() {
      const stored = await redis.hgetall(COOLDOWNS);
      return Object.entries(stored).map(([target, value]): Cooldown => {
        const [since = 0, until = 0] = value.split(':').map(Number);
        return { target, since, until };
      });
    },
  };
}

const keyOf = (provider: string, { index }: TimeSlice): string => `${PREFIX}:calls:${provider}:${index}`;

/** What went wrong with one command of a batch is in its place there, not thrown. */
function throwFirst(results: [Error | null, unknown][] | null): void {
  const failed = results?.find(([error]) => error);
  if (failed?.[0]) throw failed[0];
}
