import type { Problem } from '../../src/contracts/errors.ts';
import type { ErrorShape } from '../../src/contracts/route.ts';

type Refusal = 'unauthenticated' | 'token_revoked' | 'forbidden';

/** The codes of refused callers, in the words of other APIs. */
const WORDS: Record<Exclude<ErrorShape, 'problem'>, Record<Refusal, string>> = {
  openai: { unauthenticated: 'invalid_api_key', token_revoked: 'invalid_api_key', forbidden: 'forbidden' },
  anthropic: {
    unauthenticated: 'authentication_error',
    token_revoked: 'authentication_error',
    forbidden: 'permission_error',
  },
};

/** A code of ours, as a route that refuses in these words tells it. */
export function codeInWords(code: string, words: ErrorShape = 'problem'): string {
  return words === 'problem' ? code : (WORDS[words][code as Refusal] ?? code);
}

/** The code of an answer, in whatever words it is; undefined of what is no refusal. */
export function refusalCode({ ok, headers }: Response, text: string): string | undefined {
  const type = headers.get('content-type') ?? '';
  if (type.startsWith('application/problem+json')) return (JSON.parse(text) as Problem).code;
  if (ok || !type.startsWith('application/json')) return undefined;
  const { error } = JSON.parse(text) as { error?: { code?: string; type: string } };
  return error?.code ?? error?.type;
}
