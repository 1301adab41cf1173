import { z } from 'zod';

/** What is kept from providers. */
export const MASKED_KINDS = ['email', 'phone', 'card', 'secret'] as const;

/** A kind of value that is kept from providers. */
export type MaskedKind = (typeof MASKED_KINDS)[number];

/** How many different values of each kind were masked. */
export const maskedCountsSchema = z
  .object({
    email: z.int().describe('E-mail addresses'),
    phone: z.int().describe('Phone numbers'),
    card: z.int().describe('Card numbers'),
    secret: z.int().describe('Passwords, keys and tokens'),
  })
  .meta({ id: 'MaskedCounts' });
/** See {@link maskedCountsSchema}. */
export type MaskedCounts = z.infer<typeof maskedCountsSchema>;
