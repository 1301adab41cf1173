import { newId } from '../../src/base/ids.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Cursors that no list gives out, ready for a URL. */
export const BAD_CURSORS: readonly string[] = [
  '',
  'x',
  '!!!',
  '%F0%9F%98%80',
  `${encode(newId())}%3D`,
  `${encode([1, newId()])}%3D`,
  'x'.repeat(201),
  ...[null, 7, {}, [], [newId()], ['x', 'y'], "'; DROP TABLE sessions --", [-1, newId()], [1.5, newId()]].map(
    encode,
  ),
  ...[['\0'], ['a\0b'], ['\ud800']].map(encode),
  ...[[8.64e15, newId()], [1, newId(), 2], [1, 'not-an-id'], { 0: 1, 1: newId() }].map(encode),
];
