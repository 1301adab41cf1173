import { expect } from 'chai';
import fc from 'fast-check';
import type { MaskedKind } from '../../src/contracts/masking.ts';
import type { Detector } from '../../src/services/masking/detector.ts';
import { detectorsFor } from '../../src/services/masking/detectors.ts';
import { findEmails } from '../../src/services/masking/emails.ts';
import { createMasker, type Masker } from '../../src/services/masking/masker.ts';
import { mergeFound } from '../../src/services/masking/merge-found.ts';
import { phonesOf } from '../../src/services/masking/phones.ts';

const maskerFor = (country?: string): Masker => createMasker(detectorsFor(country));
const masked = (text: string, country?: string): Promise<string> => maskerFor(country).mask(text);

const JWT = `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIxMjM0In0'}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U`;
const PEM = `-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7v\nq1+/x==\n-----END RSA PRIVATE KEY-----`;

/** What a text becomes. */
const CASES: Record<string, [text: string, masked: string][]> = {
  'e-mail addresses': [
    ['Write to ann.lee+crm@mail.example.co.uk.', 'Write to [EMAIL_1].'],
    ['<ann@example.com>, "bob@example.com"', '<[EMAIL_1]>, "[EMAIL_2]"'],
    ['müller@exämple.de', '[EMAIL_1]'],
    ['ANN@example.com or ann@example.com', '[EMAIL_1] or [EMAIL_1]'],
    ['mailto:ann@xn--bcher-kva.example', 'mailto:[EMAIL_1]'],
  ],
  'phone numbers': [
    ['Call +1 (415) 555-2671 or +49 30 1234567.', 'Call [PHONE_1] or [PHONE_2].'],
    ['+14155552671 and +1 415 555 2671', '[PHONE_1] and [PHONE_1]'],
    ['0049 30 1234567', '[PHONE_1]'],
    ['(555) 123-4567, 555-123-4567, 1-800-555-0199', '[PHONE_1], [PHONE_1], [PHONE_2]'],
    ['98765 43210', '[PHONE_1]'],
    ['My number: phone 4155552671', 'My number: phone [PHONE_1]'],
    ['contactPhone: 4155552671, mobile_no "98765432"', 'contactPhone: [PHONE_1], mobile_no "[PHONE_2]"'],
    ['06 12 34 56 78 in Paris', '[PHONE_1] in Paris'],
  ],
  'card numbers': [
    ['4111 1111 1111 1111', '[CARD_1]'],
    ['4111-1111-1111-1111 is 4111111111111111', '[CARD_1] is [CARD_1]'],
    ['Order 12 4111 1111 1111 1111 07', 'Order 12 [CARD_1] 07'],
    ['378282246310005', '[CARD_1]'],
  ],
  'keys and tokens': [
    ['use sk-proj-4f9aB2c8D1e7', 'use [SECRET_1]'],
    ['sk_live_51H8xabcdefgh and ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[SECRET_1] and [SECRET_2]'],
    ['AKIAIOSFODNN7EXAMPLE', '[SECRET_1]'],
    [`xoxb-123456789012-abcdefghijkl AIza${'x'.repeat(35)}`, '[SECRET_1] [SECRET_2]'],
    [`pk_${'aB3_-'.repeat(9)}`, '[SECRET_1]'],
    [`the token ${JWT} ends`, 'the token [SECRET_1] ends'],
    [`key:\n${PEM}\nend`, 'key:\n[SECRET_1]\nend'],
    ['-----BEGIN PRIVATE KEY-----\nMIIEow', '[SECRET_1]'],
    ['Authorization: Bearer abc123def456ghi789', 'Authorization: Bearer [SECRET_1]'],
    ['(see https://u:pw@host.example).', '(see https://[SECRET_1]).'],
    ['postgres://admin:s3cret@db.example.com:5432/crm', 'postgres://[SECRET_1]/crm'],
  ],
  'what a name says is secret': [
    ['password=hunter2', 'password=[SECRET_1]'],
    ['The password: hunter2, you know', 'The password: [SECRET_1], you know'],
    ['pass: hunter2, DB_PASS=xyz, CVV: 123', 'pass: [SECRET_1], DB_PASS=[SECRET_2], CVV: [SECRET_3]'],
    ['secret key: wJalrXUtnFEMI1', 'secret key: [SECRET_1]'],
    ['Server=db;Uid=ann;Password=abc;', 'Server=db;Uid=ann;Password=[SECRET_1];'],
    ['Password: letmein', 'Password: [SECRET_1]'],
    ['my password is Tr0ub4dor.', 'my password is [SECRET_1].'],
    ['{"apiKey": "abc def", "user": "ann"}', '{"apiKey": "[SECRET_1]", "user": "ann"}'],
    ['AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG', 'AWS_SECRET_ACCESS_KEY=[SECRET_1]'],
    ['api_key: 0123456789abcdef0123456789abcdef', 'api_key: [SECRET_1]'],
    ['?access_token=abcdefgh&page=2', '?access_token=[SECRET_1]&page=2'],
    ['?password=abcd&email=ann@example.com', '?password=[SECRET_1]&email=[EMAIL_1]'],
    ["const token = 'abcdefgh'", "const token = '[SECRET_1]'"],
  ],
};

/** What is none of these. */
const HARMLESS = [
  'On 2026-11-20 at 10:30:00 we met; 01.02.2026 11 too.',
  'Invoice 2026-000123456 over 1,234,567.89 USD',
  'id 550e8400-e29b-41d4-a716-446655440000',
  'time 1763600000000, card of nobody 4111 1111 1111 1112',
  '192.168.100.200 and 10.0.0.1',
  'Password: please choose a new one. The token: a small piece. Secret sauce is good.',
  'passed: 120, bypass: 130, passengers: 140',
  'password=$PASSWORD, token: <your token>',
  'Tokens: 500 of 1000; bearer of bad news; basic understanding',
  'me @ home, @ann, a@b',
  'https://example.com/a@b/c?d=e',
  'sk-SK and pk_id',
];

describe('masking', () => {
  for (const [what, cases] of Object.entries(CASES)) {
    describe(`of ${what}`, () => {
      for (const [text, expected] of cases) {
        it(JSON.stringify(text), async () => {
          expect(await masked(text)).to.equal(expected);
        });
      }
    });
  }

  for (const text of HARMLESS) {
    it(`leaves ${JSON.stringify(text)} as it is`, async () => {
      expect(await masked(text)).to.equal(text);
    });
  }

  it('knows the national numbers of a country that it is told', async () => {
    expect(await masked('Ring 4155552671 soon', 'US')).to.equal('Ring [PHONE_1] soon');
    expect(await masked('Ring 4155552671 soon')).to.equal('Ring 4155552671 soon');
    expect(await masked('On 2026-11-20, item 1234567890', 'US')).to.equal('On 2026-11-20, item 1234567890');
  });

  it('is told of a country that there is', () => {
    expect(() => detectorsFor('XX')).to.throw(/AI_MASK_COUNTRY must be a country with phone numbers/);
  });

  it('gives a value one placeholder in all texts of a request, numbered by where it first stands', async () => {
    const masker = maskerFor();
    expect(await masker.mask('b@example.com a@example.com')).to.equal('[EMAIL_1] [EMAIL_2]');
    expect(await masker.mask('a@example.com c@example.com')).to.equal('[EMAIL_2] [EMAIL_3]');
    expect(masker.counts).to.deep.equal({ email: 3, phone: 0, card: 0, secret: 0 });
  });

  it('gives no placeholder away that stands in a text already', async () => {
    expect(await masked('[EMAIL_1] wrote to a@example.com')).to.equal('[EMAIL_1] wrote to [EMAIL_2]');
  });

  it('forgets what was thrown away, and what was cut off', async () => {
    const masker = maskerFor();
    await masker.draft('a@example.com');
    const draft = await masker.draft('b@example.com c@example.com');
    expect(draft.text).to.equal('[EMAIL_1] [EMAIL_2]');
    draft.keep(draft.text.slice(0, 10));
    expect(masker.counts.email).to.equal(1);
    expect(await masker.mask('b@example.com d@example.com')).to.equal('[EMAIL_1] [EMAIL_2]');
  });

  it('covers the whole of what overlaps', async () => {
    // A password that looks like an address, in a URL.
    expect(await masked('https://u:p4ss@w0rd@db.example.com/x')).to.equal('https://[SECRET_1]/x');
    const text = '0123456789';
    const at = (kind: MaskedKind, start: number, end: number) => ({
      kind,
      start,
      end,
      key: `${kind} ${start}`,
    });
    expect(
      mergeFound(text, [at('phone', 4, 9), at('email', 1, 5), at('card', 2, 3), at('secret', 9, 10)]),
    ).to.deep.equal([{ kind: 'phone', start: 1, end: 9, key: '12345678' }, at('secret', 9, 10)]);
  });
});

/** Values that are always masked, of every kind. */
const secretValue = fc.oneof(
  fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}@[a-z]{2,8}\.(com|org|de)$/),
  fc.stringMatching(/^\+49 1[5-7][0-9] [2-9][0-9]{6}$/),
  fc.constantFrom('4111 1111 1111 1111', '5500-0000-0000-0004', '378282246310005'),
  fc.stringMatching(/^sk-[A-Za-z0-9]{20,40}$/),
  fc.stringMatching(/^ghp_[A-Za-z0-9]{36}$/),
  fc.constantFrom(JWT, PEM, 'AKIAIOSFODNN7EXAMPLE'),
);
const noise = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.lorem({ maxCount: 4 }),
  fc.constantFrom('\n', '[EMAIL_1]', '1234', 'password', '"', 'token:', 'see 2026-11-20'),
);
const written = fc.array(fc.tuple(noise, secretValue), { minLength: 1, maxLength: 6 });

describe('masking, whatever the text', () => {
  it('lets no value through, and can be undone by the order of the placeholders', () =>
    fc.assert(
      fc.asyncProperty(written, async (pairs) => {
        const text = pairs.map(([before, value]) => `${before}\n ${value}\n `).join('');
        const result = await masked(text);
        for (const [, value] of pairs) expect(result).to.not.include(value);
        for (const kind of ['EMAIL', 'PHONE', 'CARD', 'SECRET']) {
          const numbers = [...result.matchAll(new RegExp(`\\[${kind}_(\\d+)\\]`, 'g'))].map(([, n]) =>
            Number(n),
          );
          const fresh = numbers.filter((n) => !text.includes(`[${kind}_${n}]`));
          const firsts = [...new Set(fresh)];
          expect(firsts).to.deep.equal(firsts.toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 200 },
    ));

  it('changes nothing more the second time', () =>
    fc.assert(
      fc.asyncProperty(written, async (pairs) => {
        const once = await masked(pairs.flat().join(' '));
        expect(await masked(once)).to.equal(once);
      }),
      { numRuns: 200 },
    ));

  it('leaves what stands around the values as it is', () =>
    fc.assert(
      fc.asyncProperty(fc.lorem({ maxCount: 20 }), secretValue, async (prose, value) => {
        expect(await masked(`${prose}\n${value}\n${prose}`)).to.match(
          new RegExp(`^${prose.replaceAll('.', '\\.')}\n\\[[A-Z]+_1\\]\n${prose.replaceAll('.', '\\.')}$`),
        );
      }),
      { numRuns: 100 },
    ));
});

/** Texts that make a careless expression read the same again and again. */
const ADVERSARIAL: Record<string, string> = {
  'one letter': 'a',
  'one digit': '4',
  'digits one by one': '1 ',
  'an at sign': '@',
  'addresses that never end': 'a@a.',
  dots: 'a.',
  'beginnings of keys': 'sk-',
  'beginnings of tokens': 'eyJ',
  'parts of tokens': 'eyJaaaaaaaa.',
  'beginnings of private keys': '-----BEGIN PRIVATE KEY-----',
  'beginnings of private keys, each of its own': '-----BEGIN PRIVATE KEY-----"',
  'ends of private keys': '-----END PRIVATE KEY',
  'names of secrets': 'password',
  'names that are given nothing': 'password = ',
  quotes: 'token="',
  spaces: ' ',
  'schemes of URLs': 'a://',
  'users in URLs': '://a:',
  pluses: '+1',
  brackets: '(1',
  'words before numbers': 'phone ',
  zeros: '0 ',
  bearers: 'bearer ',
  'numbers behind letters': 'x1-----',
};

describe('masking takes time in proportion to the length', () => {
  const EVERYTHING = detectorsFor(undefined);
  /** What a country adds to them. */
  const NATIONAL = [phonesOf('US')];

  /** In milliseconds of this process alone: on the clock stands what others did meanwhile, too. */
  const timed = async (text: string, detectors: readonly Detector[]) => {
    const began = process.cpuUsage();
    await createMasker(detectors).mask(text);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  };
  const quickest = async (text: string, detectors: readonly Detector[]) =>
    Math.min(await timed(text, detectors), await timed(text, detectors));

  /** In UTF-16 code units. */
  const [SHORT, TIMES] = [20_000, 8];
  /** Of texts that keep the library of phone numbers busy: each unit costs it up to 0.05 ms. */
  const SHORT_FOR_LIBRARY = 500;
  const BUSY_MS = 1;

  async function expectLinear(
    textOf: (units: number) => string,
    detectors: readonly Detector[],
    units = SHORT,
  ) {
    const short = await quickest(textOf(units), detectors);
    // Quadratic time would be 64 times as much. A few milliseconds are noise.
    const limit = Math.max(short, 3) * TIMES * 3;
    let long = await timed(textOf(units * TIMES), detectors);
    // Once more: it may have been the machine.
    if (long >= limit) long = await timed(textOf(units * TIMES), detectors);
    expect(long, `${short} ms for a text, ${long} ms for ${TIMES} times as much`).to.be.lessThan(limit);
  }

  for (const [what, piece] of Object.entries(ADVERSARIAL)) {
    it(what, async function () {
      this.timeout(30_000);
      const textOf = (units: number) => piece.repeat(units / piece.length);
      await expectLinear(textOf, EVERYTHING);
      const isBusy = (await quickest(textOf(SHORT_FOR_LIBRARY), NATIONAL)) > BUSY_MS;
      await expectLinear(textOf, NATIONAL, isBusy ? SHORT_FOR_LIBRARY : SHORT);
    });
  }

  it('values of which none is like another', async function () {
    this.timeout(30_000);
    const textOf = (units: number) =>
      Array.from({ length: units / 10 }, (_, index) => `a${index}@b.co`).join(' ');
    // One detector alone: it is the masker that is timed.
    await expectLinear(textOf, [findEmails], 2 * SHORT);
  });

  /** How texts begin that look like a value, what then goes on and on, and what comes when nobody expects it any more. */
  const [HEADS, BODIES, TAILS] = [
    [
      '',
      'password=',
      'my password is ',
      'a@b',
      'x://a:',
      'Bearer ',
      'eyJaaaaaaaa',
      'sk-',
      '+1',
      'phone ',
      '4111',
      '"token": "',
    ],
    ['.', 'a', '1', '-', ' ', '11 ', 'a.', '@', ').', '/', '"', 'é', '(1', '\n'],
    ['', 'x', '@b.co'],
  ];

  it('whatever it begins and ends with', async function () {
    this.timeout(60_000);
    const texts = HEADS.flatMap((head) =>
      BODIES.flatMap((body) => TAILS.map((tail) => head + body.repeat(SHORT / 2 / body.length) + tail)),
    );
    const times: number[] = [];
    for (const text of texts) times.push(await timed(text, EVERYTHING));
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
    const isSlow = (ms: number) => ms > Math.max(median, 1) * 25;
    for (const [index, text] of texts.entries()) {
      if (!isSlow(times[index] ?? 0)) continue;
      // Once more: it may have been the machine.
      const again = await quickest(text, EVERYTHING);
      expect(
        isSlow(again),
        `${text.slice(0, 20)}…${text.slice(-5)}: ${again} ms, most take ${median}`,
      ).to.equal(false);
    }
  });

  it('ten million of one letter', async function () {
    this.timeout(30_000);
    const text = 'a'.repeat(10_000_000);
    expect(await masked(text)).to.equal(text);
  });
});
