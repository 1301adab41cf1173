import type { Random } from './random.ts';

/** One of them. */
export function pick<T>(numbers: Random, list: readonly T[]): T {
  return list[numbers.between(0, list.length - 1)] as T;
}

/** What may stand anywhere; one character a byte. */
export const JUNK = [
  '',
  ' ',
  '\t',
  '\0',
  '[',
  ']',
  '%',
  '%00',
  '%ed%a0%80',
  '\xff\xfe',
  '\x7f',
  '//[',
  '\\',
  '#',
  '?',
  ',',
  '"',
  '=;=',
  '__proto__',
  'constructor',
  '-1',
  '1e400',
  '4294967297',
  '[::1',
  '1:2:3:4:5:6:7::',
  '*/*;q=x',
  'null',
  'W/"x"',
  'bytes=9-1',
  'chunked',
  'gzip, chunked',
  'close',
  'Upgrade',
  'websocket',
  'h2c',
  '100-continue',
  'application/json; charset=utf-16',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'x'.repeat(5_000),
];

const METHODS = [
  'GET',
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'x',
];
const HEADERS = [
  'Accept',
  'Accept-Encoding',
  'Access-Control-Request-Headers',
  'Access-Control-Request-Method',
  'Anthropic-Version',
  'Authorization',
  'Connection',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'Cookie',
  'Expect',
  'Host',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Origin',
  'Range',
  'Sec-Fetch-Site',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'User-Agent',
  'X-Api-Key',
  'X-Forwarded-For',
  'X-Request-Id',
  '__proto__',
];
const QUERIES = [
  '',
  '?after=',
  '?code=x&state=',
  '?cursor=',
  '?limit=',
  '?model=echo&prompt=',
  '?search=',
  '?ticket=',
];
const ENGINE = [
  'EIO=4&transport=polling',
  'EIO=4&transport=websocket',
  'EIO=3&transport=polling',
  'EIO=4&j=0&transport=',
];
const BODIES = [
  '',
  '{}',
  '[]',
  '{"a":',
  '"x"',
  'null',
  '['.repeat(5_000),
  '{"email":"a@b.co","password":"\\u0000"}',
  '40/chat,{}',
  '5\x1e',
];

/** What is known of the server. */
export interface Known {
  /** The paths of its routes. */
  paths: readonly string[];
  authorization: string;
}

/** A request as nobody sends it, but for what of it is in order; one character a byte. */
export function strangeRequest(numbers: Random, known: Known): string {
  const chance = (percent: number) => numbers.between(1, 100) <= percent;
  const junk = () => pick(numbers, JUNK);
  const body = chance(50) ? pick(numbers, BODIES) : '';
  const head = [
    `${pick(numbers, METHODS)} ${target(numbers, known)} HTTP/${chance(95) ? '1.1' : pick(numbers, ['1.0', '2.0'])}`,
  ];
  if (chance(95)) head.push('Host: here');
  if (chance(80)) head.push(`Authorization: ${known.authorization}`);
  if (body !== '' || chance(10)) head.push('Content-Type: application/json');
  if (body !== '' && chance(90))
    head.push(`Content-Length: ${body.length + (chance(85) ? 0 : numbers.between(-2, 2))}`);
  for (let left = numbers.between(0, 3); left > 0; left -= 1)
    head.push(`${pick(numbers, HEADERS)}: ${junk()}`);
  const text = `${head.join('\r\n')}\r\n\r\n${body}`;
  if (chance(90)) return text;
  const at = numbers.between(0, text.length);
  return `${text.slice(0, at)}${junk()}${text.slice(at + numbers.between(0, 3))}`;
}

function target(numbers: Random, { paths }: Known): string {
  const junk = () => pick(numbers, JUNK);
  const path = pick(numbers, paths).replace(/:\w+|\{[^}]*\}/g, () => encodeURIComponent(junk()));
  return pick(numbers, [
    path,
    path,
    path + pick(numbers, QUERIES) + encodeURIComponent(junk()),
    `/api${path}`,
    `/${junk()}${junk()}`,
    `//${junk()}/`,
    `http://${junk()}/${junk()}`,
    '*',
    `/socket.io/?${pick(numbers, ENGINE)}${pick(numbers, ['', '&sid=__proto__', `&sid=${junk()}`])}`,
  ]);
}
