import { expect } from 'chai';
import fc from 'fast-check';
import { eventIdSchema, formatEventId } from '../../src/contracts/event-id.ts';
import { type Have, MAX_HAVE } from '../../src/contracts/events.ts';

const ID = '019aa000-0000-7000-8000-000000000000';
const OTHER = '019aa000-0000-7000-8000-000000000001';

describe('the id of a server-sent event', () => {
  const cases: [string, Have[]][] = [
    [`${ID}:1:17`, [{ messageId: ID, attempt: 1, offset: 17 }]],
    [`${ID}:0:0`, [{ messageId: ID, attempt: 0, offset: 0 }]],
    [`${ID}:2:17:done`, [{ messageId: ID, attempt: 2, offset: 17, done: true }]],
    [`${ID}:1:0:r5`, [{ messageId: ID, attempt: 1, offset: 0, reasoning: 5 }]],
    [`${ID}:1:17:r5:done`, [{ messageId: ID, attempt: 1, offset: 17, reasoning: 5, done: true }]],
    [
      `${ID}:1:17:r5,${OTHER}:1:3`,
      [
        { messageId: ID, attempt: 1, offset: 17, reasoning: 5 },
        { messageId: OTHER, attempt: 1, offset: 3 },
      ],
    ],
  ];
  for (const [text, have] of cases) {
    it(`${text.replaceAll(/019a[^:]*/g, '<id>')} tells all that a client has, both ways`, () => {
      expect(formatEventId(have)).to.equal(text);
      expect(eventIdSchema.parse(text)).to.deep.equal(have);
    });
  }

  it('says nothing of reasoning where there is none', () => {
    expect(formatEventId([{ messageId: ID, attempt: 1, offset: 4, reasoning: 0 }])).to.equal(`${ID}:1:4`);
    expect(formatEventId([{ messageId: ID, attempt: 1, offset: 4, done: false }])).to.equal(`${ID}:1:4`);
  });

  it('comes back as it went, whatever it tells', () => {
    const have = fc.record(
      {
        messageId: fc.uuid({ version: 7 }),
        attempt: fc.nat(9),
        offset: fc.maxSafeNat(),
        reasoning: fc.integer({ min: 1 }),
        done: fc.constant(true as const),
      },
      { requiredKeys: ['messageId', 'attempt', 'offset'] },
    );
    fc.assert(
      fc.property(fc.array(have, { minLength: 1, maxLength: MAX_HAVE }), (positions) => {
        expect(eventIdSchema.parse(formatEventId(positions))).to.deep.equal(positions);
      }),
    );
  });

  it('is refused when it is anything else', () => {
    const bad = [
      '',
      'x',
      ID,
      `${ID}:1`,
      `${ID}:1:2:3`,
      `${ID}:1:2:r`,
      `${ID}:1:2:r-1`,
      `${ID}:1:2:r1.5`,
      `${ID}:1:2:5`,
      `${ID}:1:2:done:r5`,
      `${ID}:1:2:r5:r5`,
      `${ID}:1:2:r5:done:done`,
      `${ID}:1:2:r${'9'.repeat(20)}`,
      `${ID}:1:-2`,
      `x:1:2:r5`,
      `${ID}:1:2:r5,`,
      `${ID}:1:2:r5 `,
      Array.from({ length: MAX_HAVE + 1 }, () => `${ID}:1:2:r5`).join(','),
    ];
    for (const text of bad) expect(eventIdSchema.safeParse(text).success, text).to.equal(false);
  });
});
