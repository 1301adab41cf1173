import { expect } from 'chai';
import type { ToolCall } from '../../src/contracts/prompt.ts';
import { AnswerTooLongError } from '../../src/providers/answer-too-long.ts';
import type { Deadlines } from '../../src/providers/guard-provider.ts';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import {
  adapterOf,
  ask,
  collect,
  errorOf,
  expectGrammar,
  textOf,
  useWireServer,
  wireSubjects,
} from '../support/provider-subjects.ts';
import type { Step } from '../support/provider-wire-server.ts';
import { anthropicWire, geminiWire, openAiWire, type ScriptedCall } from '../support/provider-wires.ts';

const WEATHER: ScriptedCall = {
  id: 'call_1',
  name: 'get_weather',
  pieces: ['{"ci', 'ty":"Par', 'is 👍"}'],
};
const TIME: ScriptedCall = { id: 'call_2', name: 'get_time', pieces: ['{}'] };
const WHOLE_WEATHER: ToolCall = { id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris 👍"}' };
const WHOLE_TIME: ToolCall = { id: 'call_2', name: 'get_time', arguments: '{}' };

const callsOf = (events: ProviderEvent[]) =>
  events.flatMap((event) => (event.type === 'tool_calls' ? [event.calls] : []));

describe('what a model asks of tools', () => {
  const server = useWireServer();

  for (const subject of wireSubjects(server)) {
    const { wire } = subject;
    const run = async (steps: Step[], deadlines?: Deadlines) => {
      server.current.answer({ steps });
      const events = await collect(subject.provider(deadlines), ask('Hello'));
      expectGrammar(events);
      return events;
    };

    describe(`from ${wire.name}`, () => {
      it('is put together and comes whole, once, before the end', async () => {
        const events = await run([wire.begin, ...wire.call(0, WEATHER), wire.end(wire.callReason)]);
        expect(events.filter(({ type }) => type !== 'usage')).to.deep.equal([
          { type: 'start' },
          { type: 'tool_calls', calls: [WHOLE_WEATHER] },
          { type: 'finish', reason: 'tool_calls' },
        ]);
        expect(events).to.deep.include({ type: 'usage', usage: wire.usage });
      });

      it('is told while it is written, to whom is to pay for it', async () => {
        const calls = [...wire.call(0, WEATHER), ...wire.call(1, TIME)];
        server.current.answer({ steps: [wire.begin, wire.text('Hi'), ...calls, wire.end(wire.callReason)] });
        let told = '';
        const onWriting = (text: string) => {
          told += text;
          return Promise.resolve();
        };
        const events = await collect(subject.provider(), { ...ask('Hello'), onWriting });
        expect(callsOf(events)).to.deep.equal([[WHOLE_WEATHER, WHOLE_TIME]]);
        const written = [WHOLE_WEATHER, WHOLE_TIME].map((call) => call.name + call.arguments);
        expect(told).to.equal(written.join(''));
      });

      it('may be several calls, in their order', async () => {
        const calls = [...wire.call(0, WEATHER), ...wire.call(1, TIME)];
        const events = await run([wire.begin, ...calls, wire.end(wire.callReason)]);
        expect(callsOf(events)).to.deep.equal([[WHOLE_WEATHER, WHOLE_TIME]]);
      });

      it('comes after the text that stands before it', async () => {
        const said = [wire.begin, wire.text('Let me '), wire.text('look.')];
        const events = await run([...said, ...wire.call(0, WEATHER), wire.end(wire.callReason)]);
        expect(textOf(events)).to.equal('Let me look.');
        const types = events.map(({ type }) => type).filter((type) => type !== 'usage');
        expect(types.slice(-2)).to.deep.equal(['tool_calls', 'finish']);
        expect(types.lastIndexOf('text')).to.be.below(types.indexOf('tool_calls'));
        expect(callsOf(events)).to.deep.equal([[WHOLE_WEATHER]]);
      });

      it('is nothing where the reason says so and no call came', async () => {
        const events = await run([wire.begin, wire.text('Hi'), wire.end(wire.callReason)]);
        expect(callsOf(events)).to.deep.equal([]);
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
      });

      it('has an object as arguments where the function takes nothing', async () => {
        const events = await run([
          wire.begin,
          ...wire.call(0, { ...TIME, pieces: [] }),
          wire.end(wire.callReason),
        ]);
        expect(callsOf(events)).to.deep.equal([[WHOLE_TIME]]);
      });

      it('can be stored whatever it is', async () => {
        const odd: ScriptedCall = { ...TIME, name: 'a\0b\uD83D', pieces: ['{"c":1}'] };
        const [calls] = callsOf(await run([wire.begin, ...wire.call(0, odd), wire.end(wire.callReason)]));
        expect(calls).to.deep.equal([{ id: 'call_2', name: 'a\uFFFDb\uFFFD', arguments: '{"c":1}' }]);
      });

      it('is not there when the stream breaks in the middle', async () => {
        const fragments = [...wire.call(0, WEATHER), ...wire.call(1, WEATHER)];
        const events = await run([wire.begin, wire.text('Hi'), ...fragments.slice(0, -1)]);
        expect(errorOf(events).code).to.equal('stream_broken');
        expect(textOf(events)).to.equal('Hi');
        expect(callsOf(events)).to.deep.equal([]);
      });

      it('keeps the stream alive while it is written', async () => {
        const calls = Array.from({ length: 24 }, (_, n) => wire.call(n, { ...TIME, id: `call_${n}` }));
        const fragments = calls.flat();
        // All of it takes longer than either timeout, and each pause far less.
        const pauseMs = 1_500 / fragments.length;
        const steps = fragments.flatMap((fragment): Step[] => [{ pauseMs }, fragment]);
        const events = await run([wire.begin, ...steps, wire.end(wire.callReason)], {
          firstTokenTimeoutMs: 1_000,
          idleTimeoutMs: 1_000,
        });
        expect(callsOf(events)[0]).to.have.length(calls.length);
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'tool_calls' });
      });

      it('is a timeout when it is not written on', async () => {
        const [first = ''] = wire.call(0, WEATHER);
        const events = await run([wire.begin, first, 'stall'], {
          firstTokenTimeoutMs: 60_000,
          idleTimeoutMs: 30,
        });
        expect(errorOf(events).code).to.equal('timeout');
        expect(callsOf(events)).to.deep.equal([]);
        expect(await server.current.requests.at(-1)?.closed).to.deep.equal({ abortedByClient: true });
      });

      it('is refused where there is no end to it', async () => {
        const many = Array.from({ length: 129 }, (_, n) =>
          wire.call(n, { ...TIME, id: `call_${n}` }).join(''),
        );
        expect(errorOf(await run([wire.begin, ...many, 'stall']))).to.be.instanceOf(AnswerTooLongError);
        const long = wire.call(0, { ...TIME, pieces: ['{"a":"', 'x'.repeat(1024 * 1024), '"}'] });
        expect(errorOf(await run([wire.begin, ...long, 'stall']))).to.be.instanceOf(AnswerTooLongError);
        expect(await server.current.requests.at(-1)?.closed).to.deep.equal({ abortedByClient: true });
      });
    });
  }

  describe('from servers that are almost compatible with OpenAI', () => {
    const delta = (fields: object) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: fields, finish_reason: null }] })}\n\n`;
    const eventsOf = async (deltas: object[], reason = 'tool_calls') => {
      server.current.answer({ steps: [openAiWire.begin, ...deltas.map(delta), openAiWire.end(reason)] });
      return collect(adapterOf(openAiWire, server.current.url), ask('Hello'));
    };
    const read = async (deltas: object[]) => callsOf(await eventsOf(deltas))[0];
    const whole = (call: ToolCall) => ({
      id: call.id,
      function: { name: call.name, arguments: call.arguments },
    });

    it('is read with the reason stop', async () => {
      const events = await eventsOf([{ tool_calls: [{ index: 0, ...whole(WHOLE_TIME) }] }], 'stop');
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'tool_calls' });
    });

    it('keeps the reason length, whose last call may not be whole', async () => {
      const cut = { index: 0, ...whole({ ...WHOLE_TIME, arguments: '{"a' }) };
      const events = await eventsOf([{ tool_calls: [cut] }], 'length');
      expect(callsOf(events)).to.deep.equal([[{ ...WHOLE_TIME, arguments: '{"a' }]]);
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'length' });
    });

    it('is read without an index, in fragments and all at once', async () => {
      const fragments = [
        { id: 'call_1', function: { name: 'get_weather', arguments: '{"city":' } },
        { function: { arguments: '"Paris 👍"}' } },
        whole(WHOLE_TIME),
      ];
      const expected = [WHOLE_WEATHER, WHOLE_TIME];
      expect(await read(fragments.map((one) => ({ tool_calls: [one] })))).to.deep.equal(expected);
      expect(await read([{ tool_calls: [whole(WHOLE_WEATHER), whole(WHOLE_TIME)] }])).to.deep.equal(expected);
    });

    it('is read when all calls have the same index', async () => {
      const deltas = [WHOLE_WEATHER, WHOLE_TIME].map((call) => ({
        tool_calls: [{ index: 0, ...whole(call) }],
      }));
      expect(await read(deltas)).to.deep.equal([WHOLE_WEATHER, WHOLE_TIME]);
    });

    it('is read when the id and the name are repeated, and when each fragment has a new id', async () => {
      const repeating = ['{"city":', '"Paris 👍"}'].map((text) => ({
        tool_calls: [{ index: 0, id: 'call_1', function: { name: 'get_weather', arguments: text } }],
      }));
      expect(await read(repeating)).to.deep.equal([WHOLE_WEATHER]);
      const anew = ['{"city":', '"Paris 👍"}'].map((text, n) => ({
        tool_calls: [
          { index: 0, id: `call_${n + 1}`, function: { name: n ? null : 'get_weather', arguments: text } },
        ],
      }));
      expect(await read(anew)).to.deep.equal([WHOLE_WEATHER]);
    });

    it('is given an id where there is none, each its own', async () => {
      const calls = await read([{ tool_calls: [{ function: { name: 'a' } }, { function: { name: 'b' } }] }]);
      const ids = calls?.map(({ id }) => id) ?? [];
      expect(new Set(ids).size).to.equal(2);
      for (const id of ids) expect(id).to.match(/^call_[0-9a-f]{24}$/);
    });

    it('is read from the field that was there before, and where the arguments are an object', async () => {
      const [old] =
        (await read([
          { function_call: { name: 'get_weather', arguments: '{"city":' } },
          { function_call: { arguments: '"Paris 👍"}' } },
        ])) ?? [];
      expect(old).to.include({ name: 'get_weather', arguments: WHOLE_WEATHER.arguments });
      const asObject = {
        index: 0,
        id: 'call_1',
        function: { name: 'get_weather', arguments: { city: 'Paris 👍' } },
      };
      expect(await read([{ tool_calls: [asObject] }])).to.deep.equal([WHOLE_WEATHER]);
    });

    it('is nothing where there is no name, or nothing at all', async () => {
      const events = await eventsOf(
        [{ tool_calls: [null, {}] }, { tool_calls: [] }, { content: 'Hi' }],
        'stop',
      );
      expect(callsOf(events)).to.deep.equal([]);
      expect(textOf(events)).to.equal('Hi');
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
    });

    it('is no reason to wait for a call that has no name', async () => {
      const nameless = { index: 0, id: 'call_1', function: { name: '', arguments: '{}' } };
      const events = await eventsOf([{ tool_calls: [nameless] }], 'tool_calls');
      expect(callsOf(events)).to.deep.equal([]);
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
    });
  });

  describe('from openrouter', () => {
    it('carries the signatures of Gemini in the ids, which are told apart from the calls', async () => {
      const delta = (fields: object) =>
        `data: ${JSON.stringify({ choices: [{ index: 0, delta: fields, finish_reason: null }] })}\n\n`;
      const detail = (fields: object) => delta({ reasoning_details: [null, fields] });
      const { begin, call, end } = openAiWire;
      const steps = [
        begin,
        detail({ type: 'reasoning.text', format: 'google-gemini-v1', text: 'hm' }),
        ...call(0, TIME),
        detail({ type: 'reasoning.encrypted', format: 'google-gemini-v1', id: 'call_2', data: 'a+b/cQ==' }),
        ...call(1, WEATHER),
        detail({ type: 'reasoning.encrypted', format: 'unknown', id: 'call_1', data: 'a+b/cQ==' }),
        end('tool_calls'),
      ];
      server.current.answer({ steps });
      const events = await collect(adapterOf({ name: 'openrouter' }, server.current.url), ask('Hello'));
      expect(callsOf(events)).to.deep.equal([
        [{ ...WHOLE_TIME, id: 'call_2__thought__a-b_cQ' }, WHOLE_WEATHER],
      ]);
    });

    it('is nothing where there is a signature and no call', async () => {
      const detail = { format: 'google-gemini-v1', id: 'call_2', data: 'a+b/cQ==' };
      const delta = { choices: [{ index: 0, delta: { reasoning_details: [detail] } }] };
      const { begin, text, end } = openAiWire;
      server.current.answer({ steps: [begin, `data: ${JSON.stringify(delta)}\n\n`, text('Hi'), end()] });
      const events = await collect(adapterOf({ name: 'openrouter' }, server.current.url), ask('Hello'));
      expect(callsOf(events)).to.deep.equal([]);
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
    });
  });

  describe('from anthropic', () => {
    const { begin, call, end, callReason } = anthropicWire;
    const eventsOf = async (steps: string[]) => {
      server.current.answer({ steps: [begin, ...steps, end(callReason)] });
      return collect(adapterOf(anthropicWire, server.current.url), ask('Hello'));
    };
    const read = async (steps: string[]) => callsOf(await eventsOf(steps))[0];

    it('is without the input of its own tools', async () => {
      const [start = '', ...deltas] = call(1, WEATHER);
      const own = [start.replace('"tool_use"', '"server_tool_use"'), ...deltas];
      expect(await read([...call(0, TIME), ...own])).to.deep.equal([WHOLE_TIME]);
      expect(await read([...own, ...call(1, TIME)])).to.deep.equal([WHOLE_TIME]);
    });

    it('may be several calls that are written at the same time', async () => {
      const weather = call(0, WEATHER);
      const time = call(1, { ...TIME, pieces: ['{', '}', ''] });
      const mixed = weather.flatMap((step, n) => [step, time[n] ?? '']);
      expect(await read(mixed)).to.deep.equal([WHOLE_WEATHER, WHOLE_TIME]);
    });

    it('has the input of its start, and that of its deltas where there are some', async () => {
      const [start = '', ...deltas] = call(0, WEATHER);
      const [, ...silent] = call(0, { ...WEATHER, pieces: [] });
      const whole = start.replace('"input":{}', `"input":${WHOLE_WEATHER.arguments}`);
      expect(await read([whole, ...silent])).to.deep.equal([WHOLE_WEATHER]);
      expect(await read([whole])).to.deep.equal([WHOLE_WEATHER]);
      expect(await read([whole, ...deltas])).to.deep.equal([WHOLE_WEATHER]);
      for (const steps of [[whole, ...silent], [whole], [whole, ...deltas]]) {
        const written = (await eventsOf(steps)).map((event) => (event.type === 'writing' ? event.text : ''));
        expect(written.join('')).to.equal(WHOLE_WEATHER.name + WHOLE_WEATHER.arguments);
      }
      const unnumbered = [whole, ...call(1, TIME)].map((step) => step.replace(/"index":\d,/, ''));
      expect(await read(unnumbered)).to.deep.equal([WHOLE_WEATHER, WHOLE_TIME]);
    });
  });

  describe('from gemini', () => {
    const read = async (parts: object[]) => {
      const content = `data: ${JSON.stringify({ candidates: [{ content: { parts, role: 'model' } }] })}\n\n`;
      server.current.answer({ steps: [geminiWire.begin, content, geminiWire.end()] });
      return callsOf(await collect(adapterOf(geminiWire, server.current.url), ask('Hello')))[0] ?? [];
    };

    it('is given ids, which older models do not give, also for two calls of one function', async () => {
      const calls = await read([
        { functionCall: { name: 'a', args: { n: 1 } } },
        { functionCall: { name: 'a' } },
      ]);
      expect(calls.map(({ name, arguments: text }) => [name, text])).to.deep.equal([
        ['a', '{"n":1}'],
        ['a', '{}'],
      ]);
      expect(new Set(calls.map(({ id }) => id)).size).to.equal(2);
    });

    it('is each part by itself, also one that has no name', async () => {
      const [call, ...others] = await read([
        { functionCall: { name: 'a', args: { n: 1 } } },
        { functionCall: { args: { n: 2 } } },
      ]);
      expect(call).to.include({ name: 'a', arguments: '{"n":1}' });
      expect(others).to.deep.equal([]);
    });

    it('is a failure where the model wrote none that can be read, and nothing else', async () => {
      const malformed = geminiWire.end('MALFORMED_FUNCTION_CALL');
      const events = async (...steps: string[]) => {
        server.current.answer({ steps: [geminiWire.begin, ...steps, malformed] });
        return collect(adapterOf(geminiWire, server.current.url), ask('Hello'));
      };
      for (const said of [[], [geminiWire.reasoning('Hm.')]]) {
        expect(errorOf(await events(...said)).code).to.equal('malformed_call');
      }
      const [call = ''] = geminiWire.call(0, WEATHER);
      expect((await events(geminiWire.text('Hi'))).at(-1)).to.include({ type: 'finish', reason: 'stop' });
      expect((await events(call)).at(-1)).to.include({ type: 'finish', reason: 'tool_calls' });
    });

    it('carries the signature of its thoughts in its id', async () => {
      const [call] = await read([{ functionCall: { id: 'x1', name: 'a' }, thoughtSignature: 'a+b/cQ==' }]);
      expect(call?.id).to.equal('x1__thought__a-b_cQ');
      const [older] = await read([{ functionCall: { name: 'a' }, thoughtSignature: 'a+b/cQ==' }]);
      expect(older?.id).to.match(/^call_[0-9a-f]{24}__thought__a-b_cQ$/);
    });
  });
});
