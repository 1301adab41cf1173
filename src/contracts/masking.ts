import { z } from 'zod';

/** What is kept from providers. */
export const MASKED_KINDS = ['email', 'phone', 'card', 'iban', 'ssn', 'ip', 'secret'] as const;

/** A kind of value that is kept from providers. */
export type MaskedKind = (typeof MASKED_KINDS)[number];

/** How many different values of each kind were masked. */
export const maskedCountsSchema = z
  .object({
    email: z.int().describe('E-mail addresses'),
    phone: z.int().describe('Phone numbers'),
    card: z.int().describe('Card numbers'),
    iban: z.int().describe('International bank account numbers'),
    ssn: z.int().describe('Social security numbers of the United States'),
    ip: z.int().describe('IP addresses'),
    secret: z.int().describe('Passwords, keys and tokens'),
  })
  .meta({ id: 'MaskedCounts' });
/** See {@link maskedCountsSchema}. */
export type MaskedCounts = z.infer<typeof maskedCountsSchema>;

/** Nothing was masked. */
export const NONE_MASKED: MaskedCounts = Object.freeze({
  email: 0,
  phone: 0,
  card: 0,
  iban: 0,
  ssn: 0,
  ip: 0,
  secret: 0,
});
