import { z } from 'zod';
import { timeSchema } from './fields.ts';
import { PERMISSIONS } from './permissions.ts';

/** The name of a role: one word of lower-case Latin letters, digits, `_` and `-`. */
export const roleNameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,49}$/,
    'must begin with a lower-case letter, and have only those, digits, `_` and `-`: 50 at most',
  );

const most = (max: number) => z.int().min(0).max(max).nullable().optional();

/** What a role, or one user, may use; null: no limit. */
export const usageLimitsSchema = z.strictObject({
  dailyRequests: most(1_000_000_000).describe('Replies a day (UTC)'),
  monthlyRequests: most(1_000_000_000).describe('Replies a calendar month (UTC)'),
  monthlyTokens: most(1_000_000_000_000).describe('Input and output tokens a calendar month (UTC)'),
});

/** Permissions, each once. */
export const permissionsSchema = z
  .array(z.enum(PERMISSIONS))
  .max(PERMISSIONS.length)
  .refine((given) => new Set(given).size === given.length, 'must not hold anything twice');

/** A collection of permissions, with what its users may use. */
export const roleSchema = z
  .object({
    name: z.string(),
    permissions: z.array(z.enum(PERMISSIONS)),
    allPermissions: z.boolean().describe('Everything is allowed, also what comes later'),
    usageLimits: usageLimitsSchema.describe('What is left out, or null, is not limited'),
    builtIn: z.boolean().describe('Came with the product: cannot be deleted'),
    inUse: z.boolean().describe('There are users who have it'),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Role' });
/** A role, see {@link roleSchema}. */
export type Role = z.infer<typeof roleSchema>;
