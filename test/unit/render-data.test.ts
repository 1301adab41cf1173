import { expect } from 'chai';
import fc from 'fast-check';
import { NONE_MASKED } from '../../src/contracts/masking.ts';
import { renderData } from '../../src/services/enhance/context/render-data.ts';
import { detectorsFor } from '../../src/services/masking/detectors.ts';
import { createMasker, type Masker } from '../../src/services/masking/masker.ts';

type Data = Record<string, unknown>;

async function masked(data: Data, masker: Masker = createMasker(detectorsFor(undefined))): Promise<string> {
  const { text, marked } = renderData(data);
  const draft = await masker.draft(text, marked);
  draft.keep(draft.text);
  return draft.text;
}

/** What data becomes. */
const CASES: Record<string, [data: Data, masked: string][]> = {
  'below the name of a secret': [
    [{ password: { current: 'Hunter2-aaa' } }, 'password.current: "[SECRET_1]"'],
    [{ api_keys: ['Hunter2-bbb'] }, 'api_keys.0: "[SECRET_1]"'],
    [{ clientSecret: { prod: 'letmein' } }, 'clientSecret.prod: "[SECRET_1]"'],
    [{ secret: { a: { b: 'letmein' } } }, 'secret.a.b: "[SECRET_1]"'],
    [{ token: ['letmein', 'lemon'] }, 'token.0: "[SECRET_1]"\ntoken.1: "[SECRET_2]"'],
    [{ auth: { token: { access: 'letmein' } } }, 'auth.token.access: "[SECRET_1]"'],
    [{ login: { password: { value: 'letmein' } } }, 'login.password.value: "[SECRET_1]"'],
    [
      { api: { key: 'letmein' }, private: [{ keys: ['abc'] }] },
      'api.key: "[SECRET_1]"\nprivate.0.keys.0: "[SECRET_2]"',
    ],
    [
      { Passwörter: { Kunde: 'a' }, 'mot de passe': { wifi: 'soleil' } },
      'Passwörter.Kunde: "a"\nmot de passe.wifi: "[SECRET_1]"',
    ],
    [
      { credentials: { phone: '4155552671', ssn: '1' } },
      'credentials.phone: "[SECRET_1]"\ncredentials.ssn: "1"',
    ],
    [{ secretary: { password: { old: 'abc' } } }, 'secretary.password.old: "[SECRET_1]"'],
  ],
  'of a field that says what it is beside it': [
    [
      {
        a: { key: 'cf_1', name: 'Password', value: 'hunter two' },
        b: { Name: 'Token', Value: 'lemon tree' },
      },
      'a.key: "cf_1"\na.name: "Password"\na.value: "[SECRET_1]"\nb.Name: "Token"\nb.Value: "[SECRET_2]"',
    ],
    [
      { fields: [{ name: 'Password', value: 'Hunter2' }] },
      'fields.0.name: "Password"\nfields.0.value: "[SECRET_1]"',
    ],
    [
      { custom: { label: 'API key', value: 'letmein' } },
      'custom.label: "API key"\ncustom.value: "[SECRET_1]"',
    ],
    [
      { f: { field: 'Phone', values: ['4155552671'] }, g: { key: 'SSN', val: '123456789' } },
      'f.field: "Phone"\nf.values.0: "[PHONE_1]"\ng.key: "SSN"\ng.val: "[SSN_1]"',
    ],
    [
      { a: { name: 'Secretary', value: 'Ann' }, b: { title: 'Your password', text: 'Change it.' } },
      'a.name: "Secretary"\na.value: "Ann"\nb.title: "Your password"\nb.text: "Change it."',
    ],
    [{ a: { name: 'Ann', password: 'Hunter2' } }, 'a.name: "Ann"\na.password: "[SECRET_1]"'],
  ],
  'under a name that goes on': [
    [{ password_for_production_database: 'Hunter2' }, 'password_for_production_database: "[SECRET_1]"'],
    [{ 'Password (admin)': 'letmein' }, 'Password (admin): "[SECRET_1]"'],
    [
      { 'Password of the old server, 2nd floor': 'x y z' },
      'Password of the old server, 2nd floor: "[SECRET_1]"',
    ],
    [{ 'apiKey[prod]': 'letmein' }, 'apiKey[prod]: "[SECRET_1]"'],
    [{ 'password\nof Ann': 'letmein' }, 'password\nof Ann: "[SECRET_1]"'],
  ],
  'of a secret, whole': [
    [{ password2: 'Hunter2-eee\nHunter2-fff' }, 'password2: \n[SECRET_1]'],
    [{ password: 'a "b" c' }, 'password: "[SECRET_1]"'],
    [
      { password: '[hunter2-s3cret!]', token: '<hunter2>', apiKey: '{{hunter2}}', secret: '<your key>' },
      'password: "[SECRET_1]"\ntoken: "[SECRET_2]"\napiKey: "[SECRET_3]"\nsecret: "<your key>"',
    ],
    [
      { password: '$ecret', token: '(abc', apiKey: '[a]b' },
      'password: "[SECRET_1]"\ntoken: "[SECRET_2]"\napiKey: "[SECRET_3]"',
    ],
    [{ password: { pin: 1234 }, token: { id: 12345678 } }, 'password.pin: [SECRET_1]\ntoken.id: [SECRET_2]'],
    [{ password: { mail: 'ann@example.com' } }, 'password.mail: "[SECRET_1]"'],
  ],
  'that are social security numbers': [
    [{ socialSecurityNumber: '123456789' }, 'socialSecurityNumber: "[SSN_1]"'],
    [{ ssn2: { value: '123456789' } }, 'ssn2.value: "[SSN_1]"'],
    [{ ssns: [123456789, '123 45 6789'] }, 'ssns.0: [SSN_1]\nssns.1: "[SSN_1]"'],
    [{ ssns: ['#123456789', 'SSN:123456788'] }, 'ssns.0: "#[SSN_1]"\nssns.1: "SSN:[SSN_2]"'],
    [{ SSNOfSpouse: '123456789' }, 'SSNOfSpouse: "[SSN_1]"'],
    [{ social_security: { a: { b: 'is 123456789.' } } }, 'social_security.a.b: "is [SSN_1]."'],
  ],
  'that are phone numbers': [
    [{ phones: ['4155552671', 4155552672] }, 'phones.0: "[PHONE_1]"\nphones.1: [PHONE_2]'],
    [{ phone2: '4155552671', cell2: '5552671' }, 'phone2: "[PHONE_1]"\ncell2: "[PHONE_2]"'],
    [
      { phoneForEmergencies: 'Bob 4155552671, Eve 4155552672' },
      'phoneForEmergencies: "Bob [PHONE_1], Eve [PHONE_2]"',
    ],
    [{ phones: 'Tel.4155552671,4155552672' }, 'phones: "Tel.[PHONE_1],[PHONE_2]"'],
    [{ contact: { mobile: [{ value: '98765432' }] } }, 'contact.mobile.0.value: "[PHONE_1]"'],
    [
      { WhatsApp: { '1': '4155552671' }, workTel: ['5552671'] },
      'WhatsApp.1: "[PHONE_1]"\nworkTel.0: "[PHONE_2]"',
    ],
    [{ phones: ['123-45-6789', '192.168.100.200'] }, 'phones.0: "[SSN_1]"\nphones.1: "[IP_1]"'],
    [{ phones: 'at home:\n4155552671\n4155552672' }, 'phones: \nat home:\n[PHONE_1]\n[PHONE_2]'],
  ],
  'deeper than lines tell': [
    [
      {
        a: {
          b: { c: { password: { old: 'let\n"me" in', none: null }, phones: ['no:\n4155552671', 1, {}, []] } },
        },
      },
      'a.b.c.password: {"old":"[SECRET_1]","none":null}\na.b.c.phones: ["no:\\n[PHONE_1]",1,{},[]]',
    ],
    [{ token: { a: { b: { c: { d: ['letmein'] } } } } }, 'token.a.b.c: {"d":["[SECRET_1]"]}'],
  ],
};

/** What is none of these, or says nothing. */
const HARMLESS: Data[] = [
  { token_count: 5, tokens: 120, tokenUsage: { input: 1200, output: 34 }, passwordRequired: true },
  { password: { set: true, old: null, hint: '', kind: 'required', at: '********' }, token: ['ab', 'none'] },
  { apiKey: { from: `\${API_KEY}`, or: '$API_KEY', and: '<your key>', of: '[SECRET_7]', in: '{{ key }}' } },
  {
    secretary: { name: 'Ann' },
    secretaries: ['Bob Lee'],
    tokenizer: { name: 'cl100k' },
    hasLocation: { city: 'Pune' },
  },
  {
    account: { keyContact: 'Ann', keywords: ['big'] },
    api: { keyFeatures: 'fast' },
    key: 'enter',
    compass: ['north'],
  },
  { boardingPass: ['LH1234'], passRate: { spring: 95.5 }, passengers: { count: 140 } },
  {
    cells: ['1234567'],
    calls: [{ id: 12345678 }],
    microphones: 3,
    hotel: { rooms: '1234567' },
    telemetry: [12345678],
  },
  { phones: ['2026-11-20', 'a1234567', '12', true, '550e8400-e29b-41d4-a716-446655440000'] },
  { ssns: ['666-12-3456', '12345678', 'A-123456789', '1234567890'], business: { number: '123456789' } },
  { mobileApp: { downloads: 1234567 }, mobile_website: ['1234567'], phoneVerifiedAt: 1763600000000 },
  { classNames: ['123456789'], businessNumber: ['123456789'] },
];

describe('data of a host, masked by what its names say', () => {
  for (const [what, cases] of Object.entries(CASES)) {
    describe(`values ${what}`, () => {
      for (const [data, expected] of cases) {
        it(JSON.stringify(data), async () => {
          expect(await masked(data)).to.equal(expected);
        });
      }
    });
  }

  for (const data of HARMLESS) {
    it(`leaves ${JSON.stringify(data)} as it is`, async () => {
      expect(await masked(data)).to.equal(renderData(data).text);
    });
  }

  it('gives a value the placeholder that it has elsewhere, and counts it once', async () => {
    const masker = createMasker(detectorsFor(undefined));
    expect(await masker.mask('password=Hunter2, ring +1 415 555 2671')).to.equal(
      'password=[SECRET_1], ring [PHONE_1]',
    );
    expect(
      await masked(
        { password: { is: 'Hunter2' }, phones: ['+1 (415) 555-2671'], ssns: ['123456789'] },
        masker,
      ),
    ).to.equal('password.is: "[SECRET_1]"\nphones.0: "[PHONE_1]"\nssns.0: "[SSN_1]"');
    expect(masker.counts).to.deep.equal({ ...NONE_MASKED, secret: 1, phone: 1, ssn: 1 });
  });

  it('tells what is deep as JSON, whatever it is', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('d', 'password', 'phone'), (value, name) => {
        const deep = { [name]: [value] };
        expect(renderData({ a: { b: { c: { deep } } } }).text).to.equal(
          `a.b.c.deep: ${JSON.stringify(deep)}`,
        );
      }),
    ));

  it('lets nothing through that stands below the name of a secret, wherever that is', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9_-]{6,12}=$/).map((text) => `Q${text}`);
    const name = fc.stringMatching(/^[a-zA-Z0-9_ ().]{1,12}$/).filter((text) => text !== '__proto__');
    const below: fc.Memo<unknown> = fc.memo((depth) =>
      depth > 1 ? fc.oneof(value, fc.dictionary(name, below()), fc.array(below())) : value,
    );
    return fc.assert(
      fc.asyncProperty(
        fc.array(name, { maxLength: 5 }),
        fc.constantFrom('password', 'apiKeys', 'Client secret (2)', 'auth_token_of_ann'),
        below(4),
        async (way, secret, values) => {
          const data = way.reduceRight<Data>((inner, each) => ({ [each]: inner }), { [secret]: values });
          const text = await masked(data);
          for (const [found] of JSON.stringify(values).matchAll(/Q[A-Za-z0-9_-]{6,12}=/g)) {
            expect(text).to.not.include(found);
          }
        },
      ),
    );
  });
});

describe('rendering and masking of data takes time in proportion to its length', () => {
  const DETECTORS = detectorsFor(undefined);
  /** Of JSON, in UTF-16 code units: a record has at most 64 kB. */
  const [SHORT, TIMES] = [12_500, 8];

  const many = (units: number, each: string, value: unknown): Data =>
    Object.fromEntries(Array.from({ length: units / (each.length + 16) }, (_, n) => [`${each}${n}`, value]));
  const nested = (levels: number, name: string, value: unknown): Data =>
    levels === 0 ? { [name]: value } : { [name]: nested(levels - 1, name, value) };

  /** Data that makes a careless look at it look again and again. */
  const SHAPES: Record<string, (units: number) => Data> = {
    'many secrets': (units) => many(units, 'password', 'Hunter2'),
    'many values below one secret': (units) => ({ password: many(units, '', 'Hunter2') }),
    'many phone numbers': (units) => ({ phones: Array(Math.floor(units / 13)).fill('4155552671') }),
    'many keys below a long name': (units) => ({ ['api'.repeat(units / 8)]: many(units / 2, 'key', 1) }),
    'many lists below long names': (units) => nested(3, 'name'.repeat(50), Array(units / 2).fill(1)),
    'one long name': (units) => ({ ['password'.repeat(units / 8)]: 'x' }),
    'a long name of many words': (units) => ({ ['aB'.repeat(units / 2)]: 'x' }),
    'a long name of capitals': (units) => ({ ['SS'.repeat(units / 2)]: 'x' }),
    'one long secret': (units) => ({ password: ['<'.repeat(units)] }),
    'a long secret in brackets': (units) => ({ password: [`[${'{'.repeat(units)}`] }),
    'digits of a phone number': (units) => ({ phones: ['1'.repeat(units)] }),
    'digits of phone numbers, one by one': (units) => ({ phones: ['1 '.repeat(units / 2)] }),
    'digits of social security numbers': (units) => ({ ssns: ['123-45-'.repeat(units / 7)] }),
    'quotes in deep JSON': (units) => nested(6, 'phones', '"4155552671'.repeat(units / 12)),
  };

  /** In milliseconds of this process alone: on the clock stands what others did meanwhile, too. */
  const timed = async (data: Data): Promise<number> => {
    const began = process.cpuUsage();
    await masked(data, createMasker(DETECTORS));
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  };

  for (const [what, shapeOf] of Object.entries(SHAPES)) {
    it(what, async function () {
      this.timeout(30_000);
      const [short, long] = [shapeOf(SHORT), shapeOf(SHORT * TIMES)];
      const least = Math.min(await timed(short), await timed(short));
      // Quadratic time would be 64 times as much. A few milliseconds are noise.
      const limit = Math.max(least, 3) * TIMES * 3;
      let ms = await timed(long);
      // Once more: it may have been the machine.
      if (ms >= limit) ms = await timed(long);
      expect(ms, `${least} ms for data, ${ms} ms for ${TIMES} times as much`).to.be.lessThan(limit);
    });
  }

  it('says a long name once, however much stands below it', () => {
    const data = { ['k'.repeat(30_000)]: many(30_000, '', 0) };
    expect(renderData(data).text).to.have.length.below(2 * JSON.stringify(data).length);
  });
});
