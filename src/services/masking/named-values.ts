import { type Detector, type Found, secretAt } from './detector.ts';
import { findIbans } from './ibans.ts';
import { findIps } from './ips.ts';
import { knownFirst } from './known-first.ts';
import type { NamedKind } from './named-kind.ts';
import { findPhonesInValue } from './phones.ts';
import { isSecret } from './secret-values.ts';
import { findSsns, findSsnsInValue } from './ssns.ts';

const findPhones = knownFirst([findIbans, findSsns, findIps], [findPhonesInValue]);

/** What is to be masked in a value, as its name says what it is. A secret is so as a whole, a number where it has its digits. */
export function* findInNamed(value: string | number, kind: NamedKind): Generator<Found> {
  if (kind === 'ssn') yield* finds(findSsnsInValue, value);
  else if (kind === 'phone') yield* finds(findPhones, value);
  else if (isSecret(value, kind)) yield secretAt(String(value), 0);
}

function* finds(detector: Detector, value: string | number): Generator<Found> {
  for (const found of detector(String(value))) if (found) yield found;
}
