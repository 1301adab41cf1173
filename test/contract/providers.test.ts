import { expect } from 'chai';
import { type Deadlines, guardProvider } from '../../src/providers/guard-provider.ts';
import {
  adapterOf,
  ask,
  collect,
  echo,
  errorOf,
  expectGrammar,
  KEY,
  PATIENT,
  readToEnd,
  readToFirstText,
  textOf,
  useWireServer,
  wireSubjects,
} from '../support/provider-subjects.ts';
import { type Step, startProviderWireServer } from '../support/provider-wire-server.ts';

/** What marks the end of a stream, on the wires that have it. */
const MARK = /(data: \[DONE\]|event: message_stop\n.*)\n\n$/;

describe('providers', () => {
  const server = useWireServer();
  const wired = wireSubjects(server);

  for (const subject of [echo, ...wired]) {
    describe(`provider ${subject.name}`, () => {
      it('gives start, the text in order, usage and finish', async () => {
        const events = await collect(subject.provider(), subject.saying(['Hello ', 'wide ', 'world']));
        expectGrammar(events);
        expect(textOf(events)).to.equal('Hello wide world');
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
        expect(events.some((event) => event.type === 'usage')).to.equal(true);
      });

      it('keeps every character, whatever its width', async () => {
        const chunks = ['naïve ', '日本語\n', '👩‍👩‍👧 ', 'a\u2028b\r\nc ', '  "q\\uote" '];
        const events = await collect(subject.provider(), subject.saying(chunks));
        expectGrammar(events);
        expect(textOf(events)).to.equal(chunks.join(''));
      });

      it('joins a surrogate pair that came in two deltas', async () => {
        const events = await collect(subject.provider(), subject.saying(['a \uD83D', '\uDE00 b']));
        expectGrammar(events);
        expect(textOf(events)).to.equal('a 😀 b');
      });

      it('replaces NUL and lone surrogates, also one at the very end', async () => {
        const events = await collect(
          subject.provider(),
          subject.saying(['a\0b \uDE00', 'c \uD83D', 'd \uD83D']),
        );
        expectGrammar(events);
        expect(textOf(events)).to.equal('a\uFFFDb \uFFFDc \uFFFDd \uFFFD');
        expect(events.at(-1)?.type).to.equal('finish');
      });

      it('ends at once and without an event when the caller aborts', async () => {
        const caller = new AbortController();
        const request = subject.sayingThenSilent('one');
        const iterator = await readToFirstText(subject.provider(), request, caller.signal);
        const pending = readToEnd(iterator);
        caller.abort();
        for (const event of await pending) expect(event.type).to.equal('text');
        expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
      });

      it('drops what was not read yet when the caller aborts', async () => {
        const caller = new AbortController();
        const iterator = await readToFirstText(
          subject.provider(),
          subject.saying(['one ', 'two']),
          caller.signal,
        );
        caller.abort();
        expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
      });

      it('gives nothing at all to a caller that has already aborted', async () => {
        const events = await collect(subject.provider(), subject.saying(['never']), AbortSignal.abort());
        expect(events).to.deep.equal([]);
        expect(server.current.requests).to.deep.equal([]);
      });

      it('runs many streams at once without mixing them', async () => {
        const provider = subject.provider();
        const texts = Array.from({ length: 20 }, (_, n) => `stream ${n} says ${n}`);
        const all = await Promise.all(texts.map(async (text) => collect(provider, subject.saying([text]))));
        for (const events of all) expectGrammar(events);
        expect(all.map((events) => textOf(events)).sort()).to.deep.equal([...texts].sort());
      });
    });
  }

  for (const subject of wired) {
    const { wire } = subject;
    const begun = [wire.begin, wire.text('Hi')];

    const run = async (steps: Step[], deadlines?: Deadlines) => {
      server.current.answer({ steps });
      const events = await collect(subject.provider(deadlines), ask('Hello'));
      expectGrammar(events);
      return events;
    };
    const refuse = async (status: number, type: string, headers: Record<string, string> = {}) => {
      server.current.answer({
        status,
        headers,
        steps: [wire.errorBody(type, `the key ${KEY}, the prompt Hello`)],
      });
      const events = await collect(subject.provider(), ask('Hello'));
      expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
      return errorOf(events);
    };

    const refuseInPage = async (status: number) => {
      const headers = { 'content-type': 'text/html' };
      server.current.answer({ status, headers, steps: ['<h1>Not this way</h1>'] });
      return errorOf(await collect(subject.provider(), ask('Hello')));
    };

    describe(`provider ${wire.name}, on its wire`, () => {
      it('passes the usage on, and goes on without when there is none', async () => {
        const events = await run([...begun, wire.end()]);
        const usages = events.filter((event) => event.type === 'usage');
        expect(usages).to.deep.equal([{ type: 'usage', usage: wire.usage }]);

        const without = await run([wire.text('Hi'), wire.endWithoutUsage]);
        expect(without.map((event) => event.type)).to.deep.equal(['start', 'text', 'finish']);
      });

      it('keeps reasoning apart from text', async () => {
        const events = await run([
          wire.begin,
          wire.reasoning('hm'),
          wire.reasoning('m'),
          wire.text('Hi'),
          wire.end(),
        ]);
        expect(textOf(events, 'reasoning')).to.equal('hmm');
        expect(textOf(events)).to.equal('Hi');
      });

      for (const [reason, expected] of Object.entries(wire.reasons)) {
        it(`reads the stop reason ${reason} as ${expected}`, async () => {
          const events = await run([...begun, wire.end(reason)]);
          expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: expected });
        });
      }

      it('puts a stream together that comes byte by byte', async () => {
        const bytes = Buffer.from(wire.begin + wire.text('日本 ') + wire.text('👍 done') + wire.end());
        const events = await run([...bytes].map((byte) => Buffer.from([byte])));
        expect(textOf(events)).to.equal('日本 👍 done');
        expect(events.at(-1)?.type).to.equal('finish');
      });

      it('reads CRLF line ends and comments', async () => {
        const stream = `: keep-alive\n\n${wire.begin}${wire.text('Hi')}: ping\n\n${wire.end()}`;
        const events = await run([stream.replaceAll('\n', '\r\n')]);
        expect(textOf(events)).to.equal('Hi');
        expect(events.at(-1)?.type).to.equal('finish');
      });

      it('finishes when the stop reason came and the end was not marked', async () => {
        const events = await run([...begun, wire.endWithoutMark]);
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
      });

      it('loses no text and no count that come after a reason to stop', async () => {
        const stop = wire.endWithoutMark;
        const pause = { pauseMs: 1_200 };
        const events = await run([...begun, stop, pause, wire.text(' there'), stop, pause, wire.end()]);
        expect(textOf(events)).to.equal('Hi there');
        expect(events.slice(-2)).to.deep.equal([
          { type: 'usage', usage: wire.usage },
          { type: 'finish', reason: 'stop' },
        ]);
      });

      for (const [what, end] of [
        ['and a count', wire.end()],
        ['and no count', wire.endWithoutUsage],
      ] as const) {
        it(`finishes soon after a reason to stop ${what} when no mark comes and the connection stays open`, async () => {
          const events = await run([...begun, end.replace(MARK, ''), 'stall'], {
            firstTokenTimeoutMs: 60_000,
            idleTimeoutMs: 10_000,
          });
          expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
          if (end !== wire.endWithoutUsage) {
            expect(events.at(-2)).to.deep.equal({ type: 'usage', usage: wire.usage });
          }
          await expectAborted();
        });
      }

      it('finishes soon when the end was marked and the connection stays open', async () => {
        const events = await run([...begun, wire.end(), 'stall']);
        expect(events.at(-1)?.type).to.equal('finish');
        await expectAborted();
      });

      it('does not break off a slow stream that keeps its deadlines', async () => {
        const words = 'abcdefghijkl';
        const steps = [...words].flatMap((word): Step[] => [{ pauseMs: 200 }, wire.text(word)]);
        // Less than the whole takes, and far more than a part: a busy machine takes its time.
        const events = await run([wire.begin, ...steps, wire.end()], {
          firstTokenTimeoutMs: 2_000,
          idleTimeoutMs: 2_000,
        });
        expect(textOf(events)).to.equal(words);
        expect(events.at(-1)?.type).to.equal('finish');
      });

      it('says timeout when no token comes, and hangs up', async () => {
        // Long enough for the request to have arrived: else there is nothing to hang up.
        const events = await run([wire.begin, 'stall'], {
          firstTokenTimeoutMs: 1_500,
          idleTimeoutMs: 60_000,
        });
        expect(errorOf(events).code).to.equal('timeout');
        await expectAborted();
      });

      it('says timeout when a stream falls silent, keeps what came, and hangs up', async () => {
        const events = await run([...begun, 'stall'], { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 30 });
        expect(errorOf(events).code).to.equal('timeout');
        expect(textOf(events)).to.equal('Hi');
        await expectAborted();
      });

      it('says stream_broken when the body ends without a stop reason', async () => {
        const events = await run(begun);
        expect(errorOf(events).code).to.equal('stream_broken');
        expect(textOf(events)).to.equal('Hi');
        expect(events.map((event) => event.type)).to.not.include('usage');
        expect(errorOf(await run([])).code).to.equal('stream_broken');
      });

      it('says stream_broken when an event cannot be read, and hangs up', async () => {
        const events = await run([...begun, 'data: {"choices": [\n\n', 'stall']);
        expect(errorOf(events).code).to.equal('stream_broken');
        await expectAborted();
      });

      it('says stream_broken for a page that is no stream, and overloaded for one that says so', async () => {
        const page = '<!doctype html>\n<title>Sign in</title>\n<p>data: nothing\n\n';
        expect(errorOf(await run([page])).code).to.equal('stream_broken');
        for (const status of [500, 502, 503]) {
          server.current.answer({ status, headers: { 'content-type': 'text/html' }, steps: [page] });
          const events = await collect(subject.provider(), ask('Hello'));
          expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
          expect(errorOf(events).code).to.equal('overloaded');
        }
        expect(server.current.requests, 'each asked once').to.have.length(4);
      });

      it('reads an error that came as JSON with status 200', async () => {
        const body = JSON.stringify({
          type: 'error',
          error: { code: 'insufficient_quota', message: `the key ${KEY}` },
        });
        for (const steps of [[body], ['\n', ' ', `[${body}`, ']'], [...body]]) {
          const events = await run(steps);
          expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
          expect(errorOf(events).code).to.equal('provider_billing');
          expect(`${errorOf(events).stack}`).to.not.include(KEY);
        }
      });

      it('says stream_broken for JSON that names no error', async () => {
        for (const body of ['{"choices":[{"finish_reason":"stop"}]}', '{"error":null}', '{"error":', '[]']) {
          expect(errorOf(await run([body])).code, body).to.equal('stream_broken');
        }
      });

      it('makes nothing of events that are not of its wire', async () => {
        for (const odd of [
          'null',
          '5',
          '"text"',
          '[]',
          '{}',
          '{"choices":[null],"candidates":[null],"usage":7}',
        ]) {
          const events = await run([wire.begin, `data: ${odd}\n\n`]);
          expect(errorOf(events).code, odd).to.equal('stream_broken');
          expect(textOf(events)).to.equal('');
        }
      });

      it('says network when the connection breaks', async () => {
        let goOn: () => void = () => {};
        const read = new Promise<void>((resolve) => {
          goOn = resolve;
        });
        server.current.answer({ steps: [...begun, read, 'reset'] });
        const iterator = await readToFirstText(
          subject.provider(),
          ask('Hello'),
          new AbortController().signal,
        );
        goOn();
        const events = await readToEnd(iterator);
        expect(events.map((event) => event.type)).to.deep.equal(['error']);
        expect(errorOf(events).code).to.equal('network');
      });

      it('says network when nothing listens', async () => {
        const gone = await startProviderWireServer();
        await gone.close();
        const provider = adapterOf(wire, gone.url);
        const events = await collect(guardProvider(provider, PATIENT), ask('Hello'));
        expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
        expect(errorOf(events).code).to.equal('network');
      });

      it('reads an error inside the stream', async () => {
        const events = await run([...begun, wire.overloaded]);
        expect(errorOf(events).code).to.equal('overloaded');
        expect(errorOf(events).message).to.not.include('secret');
      });

      it('refuses without telling the key or the prompt', async () => {
        const error = await refuse(401, 'authentication_error');
        expect(error.code).to.equal('provider_auth');
        expect(error.cause).to.equal(undefined);
        expect(`${error.stack}`).to.not.include(KEY).and.not.include('Hello');
      });

      it('refuses a bad request', async () => {
        const error = await refuse(400, 'invalid_request_error');
        expect(error.code).to.equal('bad_request');
      });

      it('tells a missing model from a wrong base URL', async () => {
        expect((await refuse(404, 'not_found_error')).code).to.equal('model_not_available');
        expect((await refuseInPage(404)).code).to.equal('provider_failed');
      });

      it('takes no page of a proxy for a verdict about the request', async () => {
        for (const status of [405, 407, 421, 451]) {
          expect((await refuseInPage(status)).code, `${status}`).to.equal('provider_failed');
        }
        expect((await refuseInPage(413)).code).to.equal('bad_request');
      });

      for (const [status, code] of [
        [429, 'rate_limited'],
        [529, 'overloaded'],
      ] as const) {
        it(`reads ${status} with Retry-After, and asks only once`, async () => {
          const error = await refuse(status, 'whatever', { 'retry-after': '7' });
          expect(error.code).to.equal(code);
          expect(error.retryAfterMs).to.equal(7000);
          expect(server.current.requests).to.have.length(1);
        });
      }

      it('closes the connection when the caller aborts in the middle', async () => {
        const caller = new AbortController();
        const request = subject.sayingThenSilent('one');
        const iterator = await readToFirstText(subject.provider(), request, caller.signal);
        caller.abort();
        expect((await iterator.next()).done).to.equal(true);
        await expectAborted();
      });

      it('closes the connection when the caller aborts before any answer', async () => {
        const caller = new AbortController();
        server.current.answer({ steps: ['stall'] });
        const arrived = server.current.nextRequest();
        const events = collect(subject.provider(), ask('Hello'), caller.signal);
        await arrived;
        caller.abort();
        expect((await events).map((event) => event.type)).to.deep.equal(['start']);
        await expectAborted();
      });

      it('closes the connection when the reader leaves its loop', async () => {
        const request = subject.sayingThenSilent('one');
        for await (const event of subject.provider().stream(request, new AbortController().signal)) {
          if (event.type === 'text') break;
        }
        await expectAborted();
      });

      it('uses connections again after streams that were read to their end', async () => {
        const provider = subject.provider();
        for (let n = 0; n < 6; n += 1) {
          // The body often ends a moment after the mark that says so.
          server.current.answer({ steps: [...begun, wire.end(), { pauseMs: 10 }] });
          await collect(provider, ask('Hello'));
        }
        // A second one is opened where the first is not quite free when the next request goes out.
        expect(new Set(server.current.requests.map((request) => request.remotePort)).size).to.be.at.most(2);
        for (const { closed } of server.current.requests)
          expect((await closed).abortedByClient).to.equal(false);
      });
    });
  }

  async function expectAborted(): Promise<void> {
    expect(await server.current.requests.at(-1)?.closed).to.deep.equal({ abortedByClient: true });
  }
});
