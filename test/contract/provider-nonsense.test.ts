import { expect } from 'chai';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import {
  ask,
  collect,
  errorOf,
  expectGrammar,
  useWireServer,
  type WireSubject,
  wireSubjects,
} from '../support/provider-subjects.ts';
import { type Random, random } from '../support/random.ts';

/** JSON that is no number, and of which no text can be made: whoever tries it throws. */
const UNTELLABLE = { toString: 1, valueOf: 1 };

/** Where the wires count what was written. */
const COUNTED = /("(?:candidatesTokenCount|completion_tokens|output_tokens)"):\d+/;

/** What may stand in the place of anything. */
const NONSENSE: unknown[] = [
  UNTELLABLE,
  { constructor: UNTELLABLE, __proto__: null },
  [],
  [[UNTELLABLE], null],
  {},
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  '7',
  'NaN',
  '\0\ud800',
  '__proto__',
  'x'.repeat(100_000),
];
/** Answers that are read for each wire. */
const ANSWERS = 25;

describe('what a provider sends, whatever it is', () => {
  const server = useWireServer();

  for (const subject of wireSubjects(server)) {
    const { name, wire } = subject;
    describe(name, function () {
      this.timeout(6_000);

      const answered = (steps: string[], status = 200, headers = {}): Promise<ProviderEvent[]> => {
        server.current.answer({ status, headers, steps });
        return collect(subject.provider(), ask('Hello'));
      };

      it('ends an answer that refuses in words that are none', async () => {
        const refusals = [
          { error: { code: UNTELLABLE, status: UNTELLABLE, type: UNTELLABLE, message: UNTELLABLE } },
          { error: { details: [{ retryDelay: UNTELLABLE, reason: UNTELLABLE }] } },
          { error: { details: [null, 7], metadata: UNTELLABLE, cause: UNTELLABLE } },
          { error: UNTELLABLE, status: UNTELLABLE, code: UNTELLABLE, type: 'error' },
        ];
        for (const refusal of refusals) {
          const text = JSON.stringify(refusal);
          for (const status of [200, 302, 400, 429, 500]) {
            expect(errorOf(await answered([text], status)).code, text).to.be.a('string');
          }
          expect(errorOf(await answered([`data: ${text}\n\n`])).code, text).to.be.a('string');
        }
      });

      it('ends an answer that counts what is no number', async () => {
        const end = wire.end().replace(COUNTED, (_all, field) => `${field}:${JSON.stringify(UNTELLABLE)}`);
        const events = await answered([wire.begin, wire.text('Hi'), end]);
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
      });

      it('ends an answer whose headers say nothing', async () => {
        const headers = {
          'x-note': Buffer.from('😀').toString('latin1'),
          'retry-after': 'x',
          'retry-after-ms': '9'.repeat(400),
        };
        expect(errorOf(await answered([], 429, headers)).code).to.equal('rate_limited');
        expect(
          (await answered([wire.begin, wire.text('Hi'), wire.end()], 200, headers)).at(-1)?.type,
        ).to.equal('finish');
      });

      const numbers = random();
      it(`ends every answer, with anything in the place of anything (TEST_SEED=${numbers.seed})`, async () => {
        for (let left = ANSWERS; left > 0; left -= 1) {
          const steps = spoilt(answerOf(subject), numbers);
          expectGrammar(await answered(steps));
        }
      });
    });
  }
});

/** Everything that a wire can say, event by event. */
function answerOf({ wire }: WireSubject): string[] {
  const call = { id: 'call_1', name: 'look_up', pieces: ['{"a":', '1}'] };
  const said = [wire.begin, wire.reasoning('Hm'), wire.text('Hello'), ...wire.call(0, call), wire.end()];
  return said.flatMap((events) => events.split(/(?<=\n\n)/));
}

/** The events, with nonsense in the place of one to three values. */
function spoilt(events: string[], numbers: Random): string[] {
  const changed = [...events];
  for (let left = numbers.between(1, 3); left > 0; left -= 1) {
    const at = numbers.between(0, changed.length - 1);
    changed[at] = (changed[at] as string).replace(/(?<=^data: )\{.*\}$/m, (json) => spoil(json, numbers));
  }
  return changed;
}

function spoil(json: string, numbers: Random): string {
  const whole = { event: JSON.parse(json) as unknown };
  const places = placesIn(whole);
  const { owner, key } = places[numbers.between(0, places.length - 1)] as Place;
  Object.assign(owner, { [key]: NONSENSE[numbers.between(0, NONSENSE.length - 1)] });
  return JSON.stringify(whole.event);
}

/** Where a value stands. */
interface Place {
  owner: object;
  key: string;
}

function placesIn(owner: object): Place[] {
  return Object.entries(owner).flatMap(([key, value]) => [
    { owner, key },
    ...(typeof value === 'object' && value !== null ? placesIn(value) : []),
  ]);
}
