import { z } from 'zod';
import { idSchema, timeSchema } from './fields.ts';

/** An account, as its owner sees it. */
export const userSchema = z
  .object({
    id: idSchema,
    email: z.string(),
    name: z.string().nullable(),
    role: z.string().describe('What the account may do'),
    emailVerified: z.boolean(),
    createdAt: timeSchema,
  })
  .meta({ id: 'User' });

/** An account, see {@link userSchema}. */
export type User = z.infer<typeof userSchema>;
