import { z } from 'zod';
import { MAX_TEXT_CHARS, textSchema } from './fields.ts';

/** Most messages of a conversation. A longer list is refused before its items are looked at. */
export const MAX_TURNS = 10_000;
/** Most parts, or calls, of a message. */
export const MAX_PARTS = 1_000;

/** A field that another API publishes and that means nothing here: it may hold anything, and is not looked at. */
export const ignored = (why: string) => z.unknown().optional().describe(`Accepted and ignored: ${why}`);

/** A field that another API publishes and that is not offered here: it may be null, or left out. */
export const refused = (why: string) =>
  z
    .null({ error: `is not supported: ${why}` })
    .optional()
    .describe(`Refused: ${why}`);

/** A text of a prompt. */
export const promptText = textSchema({ max: MAX_TEXT_CHARS });

/** Where an image is. */
export const imageUrl = textSchema({ min: 1, max: MAX_TEXT_CHARS })
  .refine(
    (url) => /^(https:\/\/|data:image\/)/i.test(url),
    'must be an https: URL or a data: URL of an image',
  )
  .refine(isReadable, 'must hold the image as base64')
  .describe('`https:` or `data:image/...;base64,...`');

/** What is no data URL (RFC 2397) is read by whoever is asked. Padding may be left out, as browsers have it. */
function isReadable(url: string): boolean {
  if (!/^data:image\//i.test(url)) return true;
  const comma = url.indexOf(',');
  const data = url.slice(comma + 1);
  if (comma < 0 || data === '') return false;
  if (!/;\s*base64\s*$/i.test(url.slice(0, comma))) return !/%(?![\da-f]{2})/i.test(data);
  const { length } = data.replace(/={1,2}$/, '');
  return /^[a-z\d+/]+={0,2}$/i.test(data) && length % 4 !== 1;
}

/** The name of a function. */
export const functionName = z.string().regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');

/** The id of a call; long ones carry what a provider wants back with it, and that is as long as the provider likes. */
export const callId = textSchema({ min: 1, max: MAX_TEXT_CHARS });

/** A JSON schema, as it is. */
export const jsonSchema = z.record(z.string(), z.unknown());

/** Most tokens of an answer. */
export const maxTokens = z.int().min(1).max(1_000_000);

/** How long a model thinks before it answers. */
export const reasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

/** What ends an answer before it. */
export const stopText = textSchema({ min: 1, max: 1_000 });

/** A moment as OpenAI tells it. */
export const unixSeconds = z.int().describe('Seconds since 1970');
