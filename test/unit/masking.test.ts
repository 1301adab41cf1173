import { expect } from 'chai';
import fc from 'fast-check';
import { MASKED_KINDS, type MaskedKind, NONE_MASKED } from '../../src/contracts/masking.ts';
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
    ['https://x.y/unsubscribe?email=ann%40example.com&a=b', 'https://x.y/unsubscribe?email=[EMAIL_1]&a=b'],
    ['mailto:ann%40example.com, mailto:ANN%40example.com', 'mailto:[EMAIL_1], mailto:[EMAIL_1]'],
    ['ann@example.com is ann%40example.com', '[EMAIL_1] is [EMAIL_2]'],
    ['?to=%3Cm%C3%BCller.a%2Bcrm%40example.de%3E', '?to=%3C[EMAIL_1]%3E'],
    ['?next=%2Fa%3Fmail%3Dann%40example.com%26b%3Dc', '?next=%2Fa%3Fmail%3D[EMAIL_1]%26b%3Dc'],
    ['?next=%252Fa%253Fmail%253Dann%2540example.com%2526b', '?next=%252Fa%253Fmail%253D[EMAIL_1]%2526b'],
    ['smtp://ann%40example.com@mail.example.com', 'smtp://[EMAIL_1]'],
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
    ['phones.0: "4155552671", phone2: 5552671', 'phones.0: "[PHONE_1]", phone2: [PHONE_2]'],
    ['phones[1].home = 4155552671; phone.1.415.555.2671', 'phones[1].home = [PHONE_1]; phone.[PHONE_2]'],
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
    ['password is: hunter2, password was : hunter3', 'password is: [SECRET_1], password was : [SECRET_2]'],
    ['The password is: letmein', 'The password is: [SECRET_1]'],
  ],
  'what more than a name says is secret': [
    ['password.current: Hunter2', 'password.current: [SECRET_1]'],
    [
      'api_keys[0] = Hunter2-bbb, tokens["prod"] = "lemon 24"',
      'api_keys[0] = [SECRET_1], tokens["prod"] = "[SECRET_2]"',
    ],
    [
      'secret.a.b: "lemon"\nauth.token.access: abcd1234',
      'secret.a.b: "[SECRET_1]"\nauth.token.access: [SECRET_2]',
    ],
    [
      'stripe.api.key=abcdef\ndb.password.main=lemon',
      'stripe.api.key=[SECRET_1]\ndb.password.main=[SECRET_2]',
    ],
    ['{"login.password.value": "let me in"}', '{"login.password.value": "[SECRET_1]"}'],
    ['password_for_production_database: Hunter2', 'password_for_production_database: [SECRET_1]'],
    ['Password (admin): Hunter2, and', 'Password (admin): [SECRET_1], and'],
    [
      'Passwort (WLAN) ist Sommer24\nPassword (old): letmein',
      'Passwort (WLAN) ist [SECRET_1]\nPassword (old): [SECRET_2]',
    ],
    ['token.kind: password: hunter2', 'token.kind: password: [SECRET_1]'],
  ],
  'what a name in another language says is secret': [
    ['Passwort: geheim123', 'Passwort: [SECRET_1]'],
    ['Das Kennwort lautet Sommer24.', 'Das Kennwort lautet [SECRET_1].'],
    ['der API-Schlüssel ist abcd1234efgh', 'der API-Schlüssel ist [SECRET_1]'],
    ['Mot de passe\u202f: soleil42, mdp=soleil', 'Mot de passe\u202f: [SECRET_1], mdp=[SECRET_2]'],
    ['Le mot de passe était Soleil', 'Le mot de passe était [SECRET_1]'],
    ["clé d'API : abcd1234efgh, jeton: 0123456789", "clé d'API : [SECRET_1], jeton: [SECRET_2]"],
    ['La contraseña es: verano24', 'La contraseña es: [SECRET_1]'],
    ['contrasen\u0303a: verano24', 'contrasen\u0303a: [SECRET_1]'],
    ['clave API: abcd1234efgh', 'clave API: [SECRET_1]'],
    ['{"senha": "verão de 24"}', '{"senha": "[SECRET_1]"}'],
    [
      'palavra-passe: verao24, chave secreta: abcd1234',
      'palavra-passe: [SECRET_1], chave secreta: [SECRET_2]',
    ],
    [
      "parola d'ordine: Estate, chiave API è abcd1234",
      "parola d'ordine: [SECRET_1], chiave API è [SECRET_2]",
    ],
    ['Пароль: лето2024', 'Пароль: [SECRET_1]'],
    ['мой пароль — hunter2', 'мой пароль — [SECRET_1]'],
    ['токен: abcd1234efgh, API-ключ = abcd', 'токен: [SECRET_1], API-ключ = [SECRET_2]'],
    [
      'wachtwoord: zomer24, lösenord: sommar24, hasło: lato24',
      'wachtwoord: [SECRET_1], lösenord: [SECRET_2], hasło: [SECRET_3]',
    ],
  ],
  'bank account numbers': [
    ['DE89370400440532013000', '[IBAN_1]'],
    ['IBAN: DE89 3704 0044 0532 0130 00 (Ann)', 'IBAN: [IBAN_1] (Ann)'],
    ['DE89370400440532013000 is de89-3704-0044-0532-0130-00', '[IBAN_1] is [IBAN_1]'],
    ['FR14 2004 1010 0505 0001 3M02 606, NO93 8601 1117 947.', '[IBAN_1], [IBAN_2].'],
    ['GB29 NWBK 6016 1331 9268 19 for her', '[IBAN_1] for her'],
    ['MT84 MALT 0110 0001 2345 MTLC AST0 01S\nLC55HEMM000100010012001200023015', '[IBAN_1]\n[IBAN_2]'],
    ['DE89 3704 0044 0532 0130 00 4155', '[IBAN_1] 4155'],
  ],
  'social security numbers': [
    ['SSN 123-45-6789', 'SSN [SSN_1]'],
    ['123-45-6789 (Ann), 899\u201399\u20139999', '[SSN_1] (Ann), [SSN_2]'],
    ['ann,123-45-6789,42', 'ann,[SSN_1],42'],
    [
      'Social security number: 123 45 6789 or ssn=123456789',
      'Social security number: [SSN_1] or ssn=[SSN_1]',
    ],
    ['phone 123-45-6789', 'phone [SSN_1]'],
    ['socialSecurityNumber: 123456789', 'socialSecurityNumber: [SSN_1]'],
    ['ssn2.value: 123456789, ssns[0] = "123456788"', 'ssn2.value: [SSN_1], ssns[0] = "[SSN_2]"'],
    ['ssn.123456789 and 223456789', 'ssn.[SSN_1] and 223456789'],
    ['234-56-7897 4111 1111 1111 1111', '[SSN_1] [CARD_1]'],
    ['+49 123-45-6789', '[PHONE_1]'],
    ['123-45-6789 123-45-6788 123-45-6787', '[SSN_1] [SSN_2] [SSN_3]'],
  ],
  'IP addresses': [
    ['192.168.100.200 and 10.0.0.1.', '[IP_1] and [IP_2].'],
    ['http://203.0.113.42:8080/a, 10.0.0.0/24', 'http://[IP_1]:8080/a, [IP_2]/24'],
    ['203.000.113.042 is 203.0.113.42', '[IP_1] is [IP_1]'],
    ['from 1.2.3.4', 'from [IP_1]'],
    ['call 192.168.100.200 192.168.100.201', 'call [IP_1] [IP_2]'],
    ['+1 415 555 2671, 203.0.113.42', '[PHONE_1], [IP_1]'],
    ['2001:db8::1 is 2001:DB8:0:0:0:0:0:1', '[IP_1] is [IP_1]'],
    ['http://[2001:db8::ff]:80/ and fe80::1%eth0', 'http://[[IP_1]]:80/ and [IP_2]%eth0'],
    ['from 2001:db8::1: hello', 'from [IP_1]: hello'],
    ['::ffff:203.0.113.42, 2001:db8::203.0.113.42', '::ffff:[IP_1], [IP_2]'],
  ],
};

/** What is none of these. */
const HARMLESS = [
  'On 2026-11-20 at 10:30:00 we met; 01.02.2026 11 too.',
  'Invoice 2026-000123456 over 1,234,567.89 USD',
  'id 550e8400-e29b-41d4-a716-446655440000',
  'time 1763600000000, card of nobody 4111 1111 1111 1112',
  'v1.2.3.4, version 1.2.3.4, Firmware: 1.2.3.4, Version\u00a010.0.19.41, 1.2.3.4.5, a1.2.3.4, 1.2.3.4a',
  '1.2.3.4 Results\n  // 1.2.3.5. More\nas section 1.2.3.4 says, § 1.2.3.4',
  '1.234.100.200,00 or 1.234.100.200 € or EUR 1.234.100.200',
  '256.1.1.1, 1.2.3, 127.0.0.1, 0.0.0.0, 255.255.255.0',
  '10:30:00, 00:1b:44:11:3a:b7, a::b, f32::consts, std::cafe::1, 1:2:3:4, ::1, c0:ff:ee::1',
  '#ff8800 #123456 order #123-45-6789, part 123-45-6789-1, A-123-45-6789, 1123-45-6789',
  '000-12-3456, 666-12-3456, 912-12-3456, 123-00-3456, 123-45-0000, 123456789, 123 45 6789, 123-45 6789',
  'DE88370400440532013000, DE8937040044053201300, XDE89370400440532013000, ZZ89 3704',
  'DE89 370400440532013000a, de12 is a branch',
  '$1,234.56, 12.50 €, 2026-11-20T10:30:00Z, 20.11.26, 5f3e2a de10ad20',
  'Das Passwort ist wichtig. Passwort: erforderlich',
  'Passwörter – zwei davon; password — a secret; token — 12345',
  'desenha: Maria1, palabra clave: Verano24, la clave: Trabajar, le secret est gardé',
  'Password: please choose a new one. The token: a small piece. Secret sauce is good.',
  'password.length = 128; token.type = "access"; if (password.length===128) TokenTypes["LINE"] = "line"; token.value = getToken(request, tokenEndpoint.status = 400);',
  'password.label: Enter it; password.reset: Reset yours; password.forgot: Forgotten\npassword.placeholder: "Enter it"',
  'https://password.example.com:8443/ and secret.example.com:8443, token.example.com:443/abcd1234',
  'secretary.0.name: "Ann", tokenizer.model = "gpt-4.1", getPassword(user): Buffer, Token (optional): 12345',
  'Password (required): Choose one. The password.Please see: below1; cells[0] = 1234567, calls.0.id: 12345678',
  'passed: 120, bypass: 130, passengers: 140',
  'password=$PASSWORD, token: <your token>',
  'Tokens: 500 of 1000; bearer of bad news; basic understanding',
  'me @ home, @ann, a@b',
  'https://example.com/%40ann.lee/npm/%40types%2Fnode%404.17.21, 60%40 of it, a%40b, ?a=%40b.com, logo%402x.png',
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
    expect(masker.counts).to.deep.equal({ ...NONE_MASKED, email: 3 });
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
  fc.constantFrom('DE89 3704 0044 0532 0130 00', 'NL91ABNA0417164300', 'FR14 2004 1010 0505 0001 3M02 606'),
  fc.stringMatching(/^[1-5][0-9]{2}-[1-9][0-9]-[1-9][0-9]{3}$/),
  fc.ipV4().filter((ip) => !/^(?:0|127|255)\./.test(ip)),
  fc.stringMatching(/^2001:db8(:[1-9a-f]{4}){6}$/),
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
        for (const kind of MASKED_KINDS.map((each) => each.toUpperCase())) {
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
  'encoded at signs': '%40',
  'encoded signs': '%25',
  'encoded addresses that never end': 'a%2540a.',
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
  'names in other languages': 'mot de passe ',
  'names with paths': 'password.a[0].b',
  'names with long paths': 'token.aaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'names with notes': 'password (',
  'names with paths of numbers': 'phones.0',
  'names of social security numbers with paths': 'ssn.a',
  'names with paths that are given nothing': 'token.a = ',
  'names that a verb stands behind': 'passwort ist ',
  'numbers with points': '1.',
  'IP addresses': '10.0.0.1 ',
  colons: 'a:',
  'IP addresses of version 6': '2001:db8::1 ',
  'beginnings of bank account numbers': 'de12',
  'bank account numbers in groups': 'DE12 ',
  'social security numbers': '123-45-6789 ',
  'names of social security numbers': 'ssn ',
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
      'passwort ist ',
      'DE89',
      'ssn ',
      'token.a=',
      'password (',
      '123-45-6789',
      '10.0.0.1',
      '2001:db8:',
    ],
    ['.', ':', 'a', '1', '-', ' ', '11 ', 'a.', '@', ').', '/', '"', 'é', '(1', '\n'],
    ['', 'x', '@b.co', '%40b.co'],
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
