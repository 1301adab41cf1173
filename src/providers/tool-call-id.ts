import { randomBytes } from 'node:crypto';

/** Between the id of a call and what Gemini thought when it asked for it. */
const MARK = '__thought__';

/** The id of a call, and the signature that Gemini wants back with it. */
export interface CallIdParts {
  id: string;
  signature: string | undefined;
}

/** An id for a call whose wire gave it none. */
export function makeCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}

/**
 * An id that carries a signature: Gemini 3 refuses a call in the history without the signature that came with it
 * (https://ai.google.dev/gemini-api/docs/thought-signatures), and the id is all that a client of the compatible
 * APIs sends back as it was. `<id>__thought__<signature, base64url>`: other providers take ids of letters, digits,
 * `_` and `-` alone, and they are given the id without it ({@link splitCallId}).
 *
 * @param signature base64, as it came; what is not base64 is left out
 */
export function signCallId(id: string, signature: string): string {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature) || signature.length % 4 !== 0) return id;
  return `${id}${MARK}${signature.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** The parts of an id that {@link signCallId} has made; any other id is its own. */
export function splitCallId(carrying: string): CallIdParts {
  const at = carrying.indexOf(MARK);
  if (at < 0) return { id: carrying, signature: undefined };
  const signature = carrying
    .slice(at + MARK.length)
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  const padded = signature.padEnd(Math.ceil(signature.length / 4) * 4, '=');
  return { id: carrying.slice(0, at), signature: padded };
}
