import { now as clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ControlBus, Cooldown, HealthStore, TimeSlice } from '../feed/ports.ts';
import { blamesProvider } from '../providers/failover-rules.ts';
import type { CallHealth, CallReport } from '../providers/router.ts';
import { modelTarget, providerTarget } from './cooldown-targets.ts';

/** When a provider counts as failing, and what follows. */
export interface HealthLimits {
  /** Calls that ended within this time count, in milliseconds. */
  windowMs: number;
  /** Fewer calls in the window say nothing. */
  minCalls: number;
  /** A provider that failed more than this share of them cools down. */
  maxFailed: number;
  /** For so long, in milliseconds. */
  cooldownMs: number;
  /** No `Retry-After` is honoured for longer, in milliseconds. */
  maxRetryAfterMs: number;
}

/** What knowing the health of providers needs. */
export interface ProviderHealthDeps {
  store: HealthStore;
  control: ControlBus;
  log: Logger;
  limits?: HealthLimits;
  now?: () => number;
}

/** The health of providers, as one worker process knows it. */
export interface ProviderHealth extends CallHealth {
  /** Learns what cools down already, and from now on of what others find. */
  start(): Promise<void>;
  stop(): void;
}

/** On the control bus: a cooldown that began, or one that is over before its time. */
const COOLDOWN_TOPIC = 'cooldown';
type CooldownNews = Cooldown | { target: string; until: null };

const LIMITS: HealthLimits = {
  windowMs: 60_000,
  minCalls: 5,
  maxFailed: 0.5,
  cooldownMs: 30_000,
  maxRetryAfterMs: 3_600_000,
};
/** The window moves on by one of so many slices. */
const SLICES = 6;

/**
 * Decides who cools down, for all workers. Two things make somebody cool down: `Retry-After` (that model of that
 * provider, for so long), and more failed than good calls (the whole provider). What cools down is held in memory by
 * every process, so that asking costs nothing; what was counted is in the store, and only read after a failure.
 *
 * After its cooldown a provider is on trial: one call that was begun since and went well clears everything, one
 * that failed begins the next cooldown.
 */
export function createProviderHealth(deps: ProviderHealthDeps): ProviderHealth {
  const { store, control, log, limits = LIMITS, now = clock } = deps;
  const cooldowns = new Map<string, Cooldown>();
  let unsubscribe: (() => void) | undefined;

  return {
    async start() {
      unsubscribe = control.subscribe(COOLDOWN_TOPIC, (payload) => learn(payload as CooldownNews));
      try {
        for (const cooldown of await store.cooldowns()) {
          if (isForgotten(cooldown)) await store.dropCooldown(cooldown.target);
          else learn(cooldown);
        }
      } catch (error) {
        log.warn({ err: error }, 'the cooldowns of providers are not known');
      }
    },

    stop: () => unsubscribe?.(),

    coolsUntil(provider, model) {
      const at = now();
      const until = Math.max(untilOf(providerTarget(provider)), untilOf(modelTarget(model)));
      return until > at ? until : 0;
    },

    refusesUntil: (model) => untilOf(modelTarget(model)),

    async report(call) {
      try {
        if (call.error === null) await succeeded(call);
        else await failed(call);
      } catch (error) {
        log.warn({ err: error, provider: call.provider }, 'a call of a provider was not counted');
      }
    },
  };

  function untilOf(target: string): number {
    return cooldowns.get(target)?.until ?? 0;
  }

  async function succeeded({ provider, model, startedAt }: CallReport): Promise<void> {
    const over = [providerTarget(provider), modelTarget(model)].filter(
      (target) => startedAt > (cooldowns.get(target)?.since ?? Number.POSITIVE_INFINITY),
    );
    for (const target of over) cooldowns.delete(target);
    if (over.includes(providerTarget(provider))) await store.forget(provider, recentSlices());
    for (const target of over) await clear(target);
    await store.count(provider, sliceAt(now()), 'ok');
  }

  async function failed(call: CallReport): Promise<void> {
    const { provider, model, startedAt, error, retryAfterMs, blamesNobody } = call;
    if (error === null || blamesNobody || !blamesProvider(error)) return;
    const at = now();
    if (retryAfterMs) await cool(modelTarget(model), at + Math.min(retryAfterMs, limits.maxRetryAfterMs));
    const target = providerTarget(provider);
    const before = cooldowns.get(target);
    if (before && !isForgotten(before)) {
      // It was begun before the provider was last judged: that it failed is no news.
      if (startedAt <= before.since) return;
      if (before.until <= at) await coolProvider(provider);
    }
    await store.count(provider, sliceAt(at), 'failed');
    if (untilOf(target) <= at && isFailing(await store.counts(provider, recentSlices()))) {
      await coolProvider(provider);
    }
  }

  async function coolProvider(provider: string): Promise<void> {
    log.warn({ provider, cooldownMs: limits.cooldownMs }, 'a provider fails too often: it cools down');
    await cool(providerTarget(provider), now() + limits.cooldownMs);
  }

  function isFailing({ ok, failed: bad }: { ok: number; failed: number }): boolean {
    return ok + bad >= limits.minCalls && bad > (ok + bad) * limits.maxFailed;
  }

  /** Known here at once, then to all. */
  async function cool(target: string, until: number): Promise<void> {
    const known = untilOf(target);
    if (known >= until) return;
    const cooldown = { target, since: now(), until };
    cooldowns.set(target, cooldown);
    await store.putCooldown(cooldown);
    await control.publish(COOLDOWN_TOPIC, cooldown satisfies CooldownNews);
  }

  /** As all others are to know it. */
  async function clear(target: string): Promise<void> {
    await store.dropCooldown(target);
    await control.publish(COOLDOWN_TOPIC, { target, until: null } satisfies CooldownNews);
  }

  function learn(news: CooldownNews): void {
    if (news.until === null) cooldowns.delete(news.target);
    else if (news.until >= untilOf(news.target)) cooldowns.set(news.target, news);
  }

  /** Nobody has called it for so long that it is as good as any. */
  function isForgotten({ until }: Cooldown): boolean {
    return until + limits.windowMs < now();
  }

  function sliceAt(at: number): TimeSlice {
    const lengthMs = limits.windowMs / SLICES;
    return { index: Math.floor(at / lengthMs), lengthMs, keepMs: limits.windowMs + lengthMs };
  }

  function recentSlices(): TimeSlice[] {
    const newest = sliceAt(now());
    return Array.from({ length: SLICES }, (_, back) => ({ ...newest, index: newest.index - back }));
  }
}
