import { findAssignments } from './assignments.ts';
import { findBearerTokens } from './bearer-tokens.ts';
import { findCards } from './cards.ts';
import type { Detector } from './detector.ts';
import { findEmails } from './emails.ts';
import { findEncodedEmails } from './encoded-emails.ts';
import { findFarAssignments } from './far-assignments.ts';
import { findIbans } from './ibans.ts';
import { findIps } from './ips.ts';
import { findJwts } from './jwts.ts';
import { knownFirst } from './known-first.ts';
import { findKnownKeys } from './known-keys.ts';
import { findPemKeys } from './pem-keys.ts';
import { phonesOf } from './phones.ts';
import { findSsns } from './ssns.ts';
import { findUrlCredentials } from './url-credentials.ts';

/** All that is looked for. `country`: whose phone numbers are known without their country code, as in `US`. */
export const detectorsFor = (country: string | undefined): Detector[] => [
  findPemKeys,
  findUrlCredentials,
  findKnownKeys,
  findJwts,
  findBearerTokens,
  findAssignments,
  findFarAssignments,
  findEmails,
  findEncodedEmails,
  knownFirst([findIbans, findSsns, findIps], [findCards, phonesOf(country)]),
];
