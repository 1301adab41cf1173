import { expect } from 'chai';
import { GENERATION_ERROR_CODES, type GenerationErrorCode } from '../../src/contracts/errors.ts';
import type { ModelParameter } from '../../src/contracts/model.ts';
import { AnswerTooLongError } from '../../src/providers/answer-too-long.ts';
import type { Candidate } from '../../src/providers/candidate.ts';
import { EventChannel } from '../../src/providers/event-channel.ts';
import { ProviderError, type ProviderEvent, type ProviderRequest } from '../../src/providers/provider.ts';
import type { RoutePatience } from '../../src/providers/route-plan.ts';
import { type CallReport, createRouter, type Route } from '../../src/providers/router.ts';
import { until } from '../support/until.ts';

/** What a call answers with; `undefined` answers nothing. */
type Script = ProviderEvent[] | undefined;

const text = (written: string): ProviderEvent => ({ type: 'text', text: written });
const usage: ProviderEvent = { type: 'usage', usage: { inputTokens: 3, outputTokens: 1 } };
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
const error = (code: GenerationErrorCode, retryAfterMs?: number): ProviderEvent => ({
  type: 'error',
  error: new ProviderError(code, 'It did not work.', { retryAfterMs }),
});
const answer = [text('Hello'), usage, finish];

/** Lets every wait be over in a moment, and counts as much as was to be waited. */
const SHORT: RoutePatience = { maxWaitMs: 40, backoffMs: 10 };

/** Providers that play scripts, and a router over them. */
class Stage {
  /** Model ids, in the order of the calls. */
  readonly calls: string[] = [];
  readonly requests: ProviderRequest[] = [];
  readonly signals: AbortSignal[] = [];
  readonly reports: CallReport[] = [];
  readonly failed: string[] = [];
  readonly cooling = new Map<string, number>();
  readonly abort = new AbortController();
  patience = SHORT;
  random = () => 0.5;

  /** A candidate whose calls play one script after the other; the last one again and again. */
  candidate(id: string, scripts: Script[], facts: Partial<Candidate> = {}): Candidate {
    const [name = ''] = id.split('/');
    const stream = (request: ProviderRequest, signal: AbortSignal) => {
      const mine = this.calls.filter((each) => each === id).length;
      this.calls.push(id);
      this.requests.push(request);
      this.signals.push(signal);
      const script = scripts[Math.min(mine, scripts.length - 1)];
      return new EventChannel({
        signal,
        open: (channel) => {
          for (const event of script ?? []) channel.push(event);
        },
      });
    };
    const parameters: ModelParameter[] = ['temperature', 'topP', 'maxTokens'];
    const provider = { name, stream };
    return { id, name: id.slice(name.length + 1), provider, parameters, maxOutputTokens: null, ...facts };
  }

  route(candidates: Candidate[], settings: Partial<ProviderRequest> = {}): Route {
    const start = createRouter({
      health: {
        coolsUntil: (provider, model) => this.cooling.get(model) ?? this.cooling.get(provider) ?? 0,
        refusesUntil: (model) => this.cooling.get(model) ?? 0,
        report: async (call) => {
          this.reports.push(call);
        },
      },
      patience: this.patience,
      random: this.random,
    });
    return start({
      candidates,
      request: { turns: [{ role: 'user', content: 'Hi' }], ...settings },
      signal: this.abort.signal,
      onFailedTry: ({ model, error: code }) => this.failed.push(`${model} ${code}`),
    });
  }
}

async function read(route: Route): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const event of route) events.push(event);
  expect(events.map(({ type }) => type).lastIndexOf('start'), 'a start, before all').to.be.at.most(0);
  return events.slice(1);
}

const triesOf = ({ tries }: Route) => tries.map(({ model, error: code }) => [model, code]);
const errorOf = (events: ProviderEvent[]): ProviderError => {
  const last = events.at(-1);
  if (last?.type !== 'error') throw new Error(`it ended with ${last?.type}`);
  return last.error;
};

const ELSEWHERE = [
  'rate_limited',
  'overloaded',
  'timeout',
  'network',
  'stream_broken',
  'malformed_call',
  'provider_auth',
  'provider_billing',
  'model_not_available',
  'provider_failed',
] as const;
const AGAIN = ELSEWHERE.slice(0, 6);
const NEVER = GENERATION_ERROR_CODES.filter((code) => !(ELSEWHERE as readonly string[]).includes(code));

describe('the router', () => {
  const realNow = Date.now;
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
    // The clock stands: what is still to be waited for does not depend on how long a call takes.
    const began = Date.now();
    Date.now = () => began;
  });
  afterEach(() => {
    Date.now = realNow;
  });

  it('is the stream of the model that was asked, when that one answers', async () => {
    const route = stage.route([stage.candidate('a/one', [answer]), stage.candidate('b/two', [answer])]);
    expect(await read(route)).to.deep.equal(answer);
    expect(stage.calls).to.deep.equal(['a/one']);
    expect(triesOf(route)).to.deep.equal([['a/one', null]]);
    expect(route.answeredBy?.id).to.equal('a/one');
    const [made] = route.tries;
    expect(made?.provider).to.equal('a');
    expect(Date.now() - Date.parse(made?.startedAt ?? '')).to.be.within(0, 5_000);
    expect(made?.ms).to.be.within(0, 5_000);
  });

  it('takes an end without a token for an answer', async () => {
    const filtered: ProviderEvent = { type: 'finish', reason: 'content_filter' };
    const route = stage.route([stage.candidate('a/one', [[filtered]]), stage.candidate('b/two', [answer])]);
    expect(await read(route)).to.deep.equal([filtered]);
    expect(triesOf(route)).to.deep.equal([['a/one', null]]);
  });

  describe('before the first token', () => {
    for (const code of ELSEWHERE) {
      it(`goes on to the next candidate after ${code}`, async () => {
        const route = stage.route([
          stage.candidate('a/one', [[usage, error(code)]]),
          stage.candidate('b/two', [answer]),
        ]);
        expect(await read(route), 'nothing of the first call').to.deep.equal(answer);
        expect(triesOf(route)).to.deep.equal([
          ['a/one', code],
          ['b/two', null],
        ]);
        expect(route.answeredBy?.id).to.equal('b/two');
        expect(stage.failed).to.deep.equal([`a/one ${code}`]);
      });
    }

    for (const code of NEVER) {
      it(`ends with ${code}`, async () => {
        const route = stage.route([
          stage.candidate('a/one', [[error(code)]]),
          stage.candidate('b/two', [answer]),
        ]);
        const failure = errorOf(await read(route));
        expect([failure.code, failure.message]).to.deep.equal([code, 'It did not work.']);
        expect(stage.calls).to.deep.equal(['a/one']);
        expect(triesOf(route)).to.deep.equal([['a/one', code]]);
      });
    }

    it('takes a request that a fallback refuses to the next one', async () => {
      const route = stage.route([
        stage.candidate('a/one', [[error('overloaded')]]),
        stage.candidate('b/two', [[error('bad_request')]]),
        stage.candidate('c/three', [answer]),
      ]);
      expect(await read(route)).to.deep.equal(answer);
      expect(triesOf(route)).to.deep.equal([
        ['a/one', 'overloaded'],
        ['b/two', 'bad_request'],
        ['c/three', null],
      ]);
    });

    it('tells of the model that was asked, not of the fallback that refused', async () => {
      const route = stage.route([
        stage.candidate('a/one', [[error('overloaded')]]),
        stage.candidate('b/two', [[error('network')]]),
        stage.candidate('c/three', [[error('bad_request')]]),
      ]);
      const failure = errorOf(await read(route));
      expect(failure.code).to.equal('provider_failed');
      expect(failure.message).to.equal(
        'No model could answer. Tried a/one (overloaded), b/two (network), c/three (bad_request), ' +
          'a/one (overloaded), b/two (network).',
      );
    });

    it('asks the model that was asked for its own verdict, also when a fallback refused before it', async () => {
      stage.cooling.set('a', Date.now() + 5_000);
      const candidates = (script: Script) => [
        stage.candidate('a/one', [script]),
        stage.candidate('b/two', [[error('bad_request')]]),
      ];
      expect(await read(stage.route(candidates(answer)))).to.deep.equal(answer);
      stage.calls.length = 0;
      expect(errorOf(await read(stage.route(candidates([error('bad_request')])))).code).to.equal(
        'bad_request',
      );
      expect(stage.calls).to.deep.equal(['b/two', 'a/one']);
    });

    it('ends with content that a fallback refuses', async () => {
      const route = stage.route([
        stage.candidate('a/one', [[error('overloaded')]]),
        stage.candidate('b/two', [[error('content_filter')]]),
        stage.candidate('c/three', [answer]),
      ]);
      expect(errorOf(await read(route)).code).to.equal('content_filter');
      expect(stage.calls).to.deep.equal(['a/one', 'b/two']);
    });

    for (const code of AGAIN) {
      it(`asks a second time after ${code} when nobody else is left, and no third time`, async () => {
        const route = stage.route([stage.candidate('a/one', [[error(code)]])]);
        const failure = errorOf(await read(route));
        expect(failure.code).to.equal('provider_failed');
        expect(failure.message).to.equal(`No model could answer. Tried a/one (${code}), a/one (${code}).`);
        expect(stage.calls).to.deep.equal(['a/one', 'a/one']);
      });
    }

    for (const code of ELSEWHERE.slice(6)) {
      it(`asks no second time after ${code}, and says what it was`, async () => {
        const failure = errorOf(await read(stage.route([stage.candidate('a/one', [[error(code)]])])));
        expect(failure.code).to.equal('provider_failed');
        expect(failure.message).to.equal(`a/one could not answer (${code}). It did not work.`);
        expect(stage.calls).to.deep.equal(['a/one']);
      });
    }

    it('asks everybody once before anybody twice, and names all of it when nobody answers', async () => {
      const route = stage.route([
        stage.candidate('a/one', [[error('overloaded')], [error('timeout')]]),
        stage.candidate('b/two', [[error('provider_auth')]]),
        stage.candidate('c/three', [[error('network')]]),
      ]);
      const failure = errorOf(await read(route));
      expect(failure.code).to.equal('provider_failed');
      expect(failure.message).to.equal(
        'No model could answer. Tried a/one (overloaded), b/two (provider_auth), c/three (network), ' +
          'a/one (timeout), c/three (network).',
      );
    });

    it('takes a provider that throws, or that ends without a reason, for one that failed', async () => {
      const throwing = stage.candidate('a/one', [answer]);
      throwing.provider = {
        name: 'a',
        // biome-ignore lint/correctness/useYield: it fails before
        async *stream() {
          throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
        },
      };
      const ending = stage.candidate('b/two', [answer]);
      ending.provider = { name: 'b', async *stream() {} };
      stage.patience = { maxWaitMs: 0, backoffMs: 100 };
      const route = stage.route([throwing, ending, stage.candidate('c/three', [answer])]);
      expect(await read(route)).to.deep.equal(answer);
      expect(triesOf(route)).to.deep.equal([
        ['a/one', 'network'],
        ['b/two', 'stream_broken'],
        ['c/three', null],
      ]);
    });
  });

  describe('after the first token', () => {
    for (const first of [text('Hel'), { type: 'reasoning', text: 'Hm' } as const]) {
      it(`a failure is the stream's own (${first.type})`, async () => {
        const events = [first, error('overloaded')];
        const route = stage.route([stage.candidate('a/one', [events]), stage.candidate('b/two', [answer])]);
        expect(await read(route)).to.deep.equal(events);
        expect(stage.calls).to.deep.equal(['a/one']);
        expect(triesOf(route)).to.deep.equal([['a/one', 'overloaded']]);
        expect(stage.reports.map((each) => each.error)).to.deep.equal(['overloaded']);
      });
    }

    it('also in the second candidate', async () => {
      const route = stage.route([
        stage.candidate('a/one', [[error('network')]]),
        stage.candidate('b/two', [[text('Hel'), error('network')]]),
        stage.candidate('c/three', [answer]),
      ]);
      expect(errorOf(await read(route)).code).to.equal('network');
      expect(stage.calls).to.deep.equal(['a/one', 'b/two']);
    });
  });

  describe('waiting', () => {
    it('honours Retry-After', async () => {
      const route = stage.route([stage.candidate('a/one', [[error('rate_limited', 30)], answer])]);
      const began = performance.now();
      expect(await read(route)).to.deep.equal(answer);
      expect(performance.now() - began).to.be.at.least(29);
    });

    it('does not wait for longer than it may, and not at all while others are left', async () => {
      const limited = stage.candidate('a/one', [[error('rate_limited', 60_000)], answer]);
      expect(await read(stage.route([limited, stage.candidate('b/two', [answer])]))).to.deep.equal(answer);
      const failure = errorOf(
        await read(stage.route([stage.candidate('c/one', [[error('rate_limited', 41)]])])),
      );
      expect(failure.message).to.equal('c/one could not answer (rate_limited). It did not work.');
    });

    it('waits for all of a route together no longer than it may', async () => {
      const one = stage.candidate('a/one', [[error('rate_limited', 25)]]);
      const two = stage.candidate('b/two', [[error('rate_limited', 65)]]);
      await read(stage.route([one, two]));
      expect(stage.calls, '25 ms and then 40 more would be 65').to.deep.equal(['a/one', 'b/two', 'a/one']);
    });

    it('backs off by half to one and a half of the usual without Retry-After', async () => {
      stage.patience = { maxWaitMs: 100, backoffMs: 100 };
      stage.random = () => 1;
      await read(stage.route([stage.candidate('a/one', [[error('network')]])]));
      expect(stage.calls).to.deep.equal(['a/one']);
      stage.random = () => 0;
      await read(stage.route([stage.candidate('b/two', [[error('network')]])]));
      expect(stage.calls).to.deep.equal(['a/one', 'b/two', 'b/two']);
    });

    it('ends at once when it is stopped, with no event', async () => {
      stage.patience = { maxWaitMs: 60_000, backoffMs: 40_000 };
      const route = stage.route([stage.candidate('a/one', [[error('network')]])]);
      const reading = read(route);
      await until('the call has failed', () => stage.failed.length === 1);
      stage.abort.abort();
      expect(await reading).to.deep.equal([]);
      expect(stage.calls).to.deep.equal(['a/one']);
      expect(triesOf(route)).to.deep.equal([['a/one', 'network']]);
    });
  });

  describe('stopped', () => {
    it('before the first token: the call is neither a try nor a mark against the provider', async () => {
      const route = stage.route([stage.candidate('a/one', [undefined]), stage.candidate('b/two', [answer])]);
      const reading = read(route);
      await until('the call has begun', () => stage.calls.length === 1);
      stage.abort.abort();
      expect(await reading).to.deep.equal([]);
      expect(route.tries).to.deep.equal([]);
      expect(route.answeredBy).to.equal(undefined);
      expect(stage.reports).to.deep.equal([]);
      expect(stage.calls).to.deep.equal(['a/one']);
    });

    it('after it: whoever wrote is known, and nothing is said of the provider', async () => {
      const route = stage.route([stage.candidate('a/one', [[text('Hel')]])]);
      const events = route[Symbol.asyncIterator]();
      await events.next();
      expect(await events.next()).to.deep.equal({ done: false, value: text('Hel') });
      const next = events.next();
      stage.abort.abort();
      expect(await next).to.deep.equal({ done: true, value: undefined });
      expect(await events.next()).to.deep.equal({ done: true, value: undefined });
      expect(triesOf(route)).to.deep.equal([['a/one', null]]);
      expect(stage.reports).to.deep.equal([]);
    });

    it('while the first token waits to be read: it is not given out any more', async () => {
      const route = stage.route([stage.candidate('a/one', [[usage, text('Hel')]])]);
      const events = route[Symbol.asyncIterator]();
      await events.next();
      stage.abort.abort();
      expect(await events.next()).to.deep.equal({ done: true, value: undefined });
    });

    it('before it is read: no provider is called', async () => {
      stage.abort.abort();
      expect(await read(stage.route([stage.candidate('a/one', [answer])]))).to.deep.equal([]);
      expect(stage.calls).to.deep.equal([]);
    });

    it('by a reader that leaves', async () => {
      const route = stage.route([stage.candidate('a/one', [[text('Hel'), text('lo')]])]);
      for await (const event of route) {
        if (event.type === 'text') break;
      }
      expect(triesOf(route)).to.deep.equal([['a/one', null]]);
      expect(await route[Symbol.asyncIterator]().next()).to.deep.equal({ done: true, value: undefined });
    });
  });

  describe('settings', () => {
    const settings = { temperature: 0, topP: 0.5, maxTokens: 100 };

    it('are those that the answering model takes; what was left out is told', async () => {
      const strict = { parameters: ['maxTokens' as const], maxOutputTokens: 64 };
      const route = stage.route(
        [stage.candidate('a/one', [[error('overloaded')]]), stage.candidate('b/two', [answer], strict)],
        settings,
      );
      await read(route);
      const turns = [{ role: 'user', content: 'Hi' }];
      expect(stage.requests).to.deep.equal([
        { model: 'one', turns, ...settings },
        { model: 'two', turns, maxTokens: 64, maxOutputTokens: 64 },
      ]);
      expect(route.omittedParameters).to.deep.equal(['temperature', 'topP']);
    });

    it('that were not given are not left out', async () => {
      const route = stage.route([stage.candidate('a/one', [answer], { parameters: [] })], { maxTokens: 5 });
      await read(route);
      expect(route.omittedParameters).to.deep.equal(['maxTokens']);
      expect(stage.requests[0]).to.have.all.keys('model', 'turns');
    });

    it('are not left out by a model that did not answer', async () => {
      const route = stage.route(
        [
          stage.candidate('a/one', [[error('overloaded')]], { parameters: [] }),
          stage.candidate('b/two', [answer]),
        ],
        settings,
      );
      await read(route);
      expect(route.omittedParameters).to.deep.equal([]);
    });
  });

  describe('with candidates that cool down', () => {
    const inMs = (ms: number) => Date.now() + ms;

    it('leaves them out while others are left', async () => {
      stage.cooling.set('a', inMs(5_000));
      const route = stage.route([stage.candidate('a/one', [answer]), stage.candidate('b/two', [answer])]);
      await read(route);
      expect(stage.calls).to.deep.equal(['b/two']);
    });

    it('calls them last, not never', async () => {
      stage.cooling.set('a', inMs(5_000));
      const route = stage.route([
        stage.candidate('a/one', [answer]),
        stage.candidate('b/two', [[error('provider_billing')]]),
      ]);
      expect(await read(route)).to.deep.equal(answer);
      expect(stage.calls).to.deep.equal(['b/two', 'a/one']);
    });

    it('calls the one that is free soonest when all cool down, at once if that is far off', async () => {
      stage.cooling.set('a/one', inMs(9_000));
      stage.cooling.set('b', inMs(5_000));
      stage.cooling.set('c', inMs(7_000));
      const began = performance.now();
      const route = stage.route(['a/one', 'b/two', 'c/three'].map((id) => stage.candidate(id, [answer])));
      await read(route);
      expect(stage.calls).to.deep.equal(['b/two']);
      expect(performance.now() - began).to.be.below(1_000);
    });

    it('does not wait for a provider to recover', async () => {
      stage.patience = { maxWaitMs: 60_000, backoffMs: 10 };
      stage.cooling.set('a', inMs(30_000));
      expect(await read(stage.route([stage.candidate('a/one', [answer])]))).to.deep.equal(answer);
    });

    it('waits for a model that may be asked again in a moment', async () => {
      stage.cooling.set('a/one', inMs(30));
      const began = performance.now();
      await read(stage.route([stage.candidate('a/one', [answer])]));
      expect(performance.now() - began).to.be.at.least(28);
      expect(stage.calls).to.deep.equal(['a/one']);
    });

    it('tells how every call ended, with what it was asked to wait', async () => {
      await read(
        stage.route([
          stage.candidate('a/one', [[error('rate_limited', 60_000)]]),
          stage.candidate('b/two', [answer]),
        ]),
      );
      expect(stage.reports.map(({ startedAt: _, ...each }) => each)).to.deep.equal([
        { provider: 'a', model: 'a/one', error: 'rate_limited', retryAfterMs: 60_000, blamesNobody: false },
        { provider: 'b', model: 'b/two', error: null, retryAfterMs: undefined, blamesNobody: false },
      ]);
    });
  });

  describe('with an answer that is longer than we take', () => {
    const tooLong: ProviderEvent = {
      type: 'error',
      error: new AnswerTooLongError('128 calls in one answer'),
    };

    it('fails that reply, asks no other, and blames nobody', async () => {
      const route = stage.route([stage.candidate('a/one', [[tooLong]]), stage.candidate('b/two', [answer])]);
      const failure = errorOf(await read(route));
      expect(failure.code).to.equal('provider_failed');
      expect(failure.message).to.equal('The provider sent more than 128 calls in one answer.');
      expect(triesOf(route)).to.deep.equal([['a/one', 'provider_failed']]);
      expect(stage.failed).to.deep.equal(['a/one provider_failed']);
      expect(stage.calls).to.deep.equal(['a/one']);
      expect(stage.reports.map(({ blamesNobody }) => blamesNobody)).to.deep.equal([true]);
    });

    it('blames nobody after the first token, either', async () => {
      const events = [text('Hel'), tooLong];
      const route = stage.route([stage.candidate('a/one', [events])]);
      expect(await read(route)).to.deep.equal(events);
      expect(triesOf(route)).to.deep.equal([['a/one', 'provider_failed']]);
      expect(stage.reports.map(({ blamesNobody }) => blamesNobody)).to.deep.equal([true]);
    });
  });

  it('has no answer without a candidate', async () => {
    expect(errorOf(await read(stage.route([]))).code).to.equal('model_not_available');
  });
});
