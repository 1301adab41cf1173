import type { Metrics } from '../base/metrics.ts';
import type { GenerationClaim } from '../data/repositories/generations.ts';
import type { CallHealth } from '../providers/router.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { endRecordOf } from './end-record.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { SettleGeneration } from './settle-generation.ts';
import type { StreamGeneration } from './stream-generation.ts';

/** What measuring needs. */
export interface MeasureDeps {
  metrics: Pick<Metrics, 'replyEnded' | 'providerCalled'>;
  models: Pick<ModelDirectory, 'find'>;
}

/** The steps of a worker, measured: each does what the one that it is given does. */
export interface MeasuredSteps {
  health<H extends CallHealth>(health: H): H;
  stream(stream: StreamGeneration): StreamGeneration;
  settle(settle: SettleGeneration): SettleGeneration;
}

/** When an attempt began and when its first piece came, on the clock of `performance`. */
interface Times {
  begunMs: number;
  firstMs: number | undefined;
}

/** Makes the wrappers. */
export function measureGenerations({ metrics, models }: MeasureDeps): MeasuredSteps {
  const timesOf = new WeakMap<GenerationClaim, Times>();

  /** Who answered, or else who was asked: a name of the catalogue, never what a client wrote. */
  function providerOf(claim: GenerationClaim, end: AttemptEnd): string {
    const answered = end.tries?.findLast(({ error }) => error === null);
    return answered?.provider ?? models.find(claim.model)?.provider ?? 'none';
  }

  return {
    health: (health) => ({
      ...health,
      report(call) {
        metrics.providerCalled(call.provider, call.error ?? 'ok');
        return health.report(call);
      },
    }),

    stream: (stream) => (input) => {
      const times: Times = { begunMs: performance.now(), firstMs: undefined };
      timesOf.set(input.claim, times);
      const onFirst = () => {
        times.firstMs = performance.now();
      };
      return stream({ ...input, onFirst });
    },

    settle: (settle) => async (claim, end, leaving) => {
      const settled = await settle(claim, end, leaving);
      if (!settled) return false;
      const times = timesOf.get(claim);
      metrics.replyEnded({
        provider: providerOf(claim, end),
        status: end.status,
        seconds: times && (performance.now() - times.begunMs) / 1000,
        firstTokenSeconds: times?.firstMs && (times.firstMs - times.begunMs) / 1000,
        inputTokens: end.usage?.inputTokens ?? 0,
        outputTokens: end.usage?.outputTokens ?? 0,
        credits: Number(endRecordOf(claim, end).credits),
      });
      return true;
    },
  };
}
