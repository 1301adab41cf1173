import { expect } from 'chai';
import fc from 'fast-check';
import type { GenerationErrorCode } from '../../src/contracts/errors.ts';
import type { Candidate } from '../../src/providers/candidate.ts';
import { verdictOf } from '../../src/providers/failover-rules.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { RoutePlan } from '../../src/providers/route-plan.ts';

const PATIENCE = { maxWaitMs: 10_000, backoffMs: 500 };
const FAILOVER: GenerationErrorCode[] = [
  'rate_limited',
  'overloaded',
  'provider_auth',
  'model_not_available',
];

/** A candidate of a made-up route: when it may be called, and how each call of it fails. */
interface Fate {
  coolsForMs: number;
  refusesForMs: number;
  failures: { code: GenerationErrorCode; retryAfterMs: number | undefined }[];
}

const fate: fc.Arbitrary<Fate> = fc.record({
  coolsForMs: fc.constantFrom(0, 0, 0, 3_000, 30_000),
  refusesForMs: fc.constantFrom(0, 0, 0, 900, 60_000),
  failures: fc.array(
    fc.record({
      code: fc.constantFrom(...FAILOVER),
      retryAfterMs: fc.constantFrom(undefined, undefined, 0, 700, 6_000, 60_000),
    }),
    { minLength: 2, maxLength: 2 },
  ),
});

/** Follows a route on which every call fails; each takes `callMs`. */
function follow(fates: Fate[], callMs: number) {
  let at = 1_000_000;
  const begin = at;
  const candidates = fates.map(
    (_, index) => ({ id: `p${index}/m`, provider: { name: `p${index}` } }) as Candidate,
  );
  const fateOf = (id: string) => fates[Number(/^p(\d+)/.exec(id)?.[1])] as Fate;
  const refusesUntil = (model: string) => begin + fateOf(model).refusesForMs;
  const plan = new RoutePlan({
    candidates,
    cooldowns: {
      refusesUntil,
      coolsUntil: (provider, model) => Math.max(refusesUntil(model), begin + fateOf(provider).coolsForMs),
    },
    patience: PATIENCE,
    now: () => at,
    random: () => 0.5,
  });
  const calls: { id: string; at: number; waitMs: number }[] = [];
  for (let step = plan.next(); step; step = plan.next()) {
    at += step.waitMs;
    const { id } = step.candidate;
    const failure = fateOf(id).failures[calls.filter((call) => call.id === id).length];
    calls.push({ id, at, waitMs: step.waitMs });
    expect(calls.length, 'it ends').to.be.below(100);
    at += callMs;
    const { code = 'network', retryAfterMs } = failure ?? {};
    plan.failed(step.candidate, new ProviderError(code, 'no', { retryAfterMs }));
  }
  return { calls, fateOf };
}

describe('the plan of a route on which everything fails', () => {
  const routes = fc.tuple(fc.array(fate, { minLength: 1, maxLength: 5 }), fc.constantFrom(0, 10, 4_000));

  it('calls everybody at least once, and nobody more than twice', () => {
    fc.assert(
      fc.property(routes, ([fates, callMs]) => {
        const { calls } = follow(fates, callMs);
        for (const [index] of fates.entries()) {
          expect(calls.filter(({ id }) => id === `p${index}/m`).length).to.be.within(1, 2);
        }
      }),
    );
  });

  it('waits for all of it together no longer than its patience', () => {
    fc.assert(
      fc.property(routes, ([fates, callMs]) => {
        const { calls } = follow(fates, callMs);
        const waitedMs = calls.reduce((sum, { waitMs }) => sum + waitMs, 0);
        expect(waitedMs).to.be.at.most(PATIENCE.maxWaitMs);
      }),
    );
  });

  it('calls a second time only what may be called again, and never before it is time', () => {
    fc.assert(
      fc.property(routes, ([fates, callMs]) => {
        const { calls, fateOf } = follow(fates, callMs);
        for (const [index, { id, at }] of calls.entries()) {
          const first = calls.slice(0, index).find((call) => call.id === id);
          if (!first) continue;
          const failure = fateOf(id).failures[0];
          expect(verdictOf(failure?.code ?? 'internal')).to.equal('again');
          const pauseMs = failure?.retryAfterMs ?? PATIENCE.backoffMs;
          expect(at - first.at - callMs).to.be.at.least(pauseMs);
        }
      }),
    );
  });

  it('begins with those that are free, in their order', () => {
    fc.assert(
      fc.property(routes, ([fates]) => {
        const { calls } = follow(fates, 0);
        const free = fates.flatMap(({ coolsForMs, refusesForMs }, index) =>
          coolsForMs + refusesForMs === 0 ? [`p${index}/m`] : [],
        );
        expect(calls.slice(0, free.length).map(({ id }) => id)).to.deep.equal(free);
      }),
    );
  });
});
