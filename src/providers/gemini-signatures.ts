import type { ToolCall } from '../contracts/prompt.ts';
import { splitCallId } from './tool-call-id.ts';

/** By whatever prefix its wire has: `gemini-3-pro`, `models/gemini-3-pro`, `google/gemini-3-pro`. */
const GEMINI = /(^|\/)gemini-/;
/** These refuse a call in the history that is not signed. */
const DEMANDS = /(^|\/)gemini-([3-9]|\d\d)/;
/** What to send for a call that another model has asked for. */
const NOT_SIGNED = 'skip_thought_signature_validator';

/**
 * What goes back to Gemini with each call of a turn: the signature of the thoughts that led to it, where it carries
 * one (`signCallId`). Of several calls at once the first alone is signed
 * (https://ai.google.dev/gemini-api/docs/thought-signatures).
 *
 * @param model in the provider's own words
 */
export function signaturesOf(calls: readonly ToolCall[], model: string): (string | undefined)[] {
  const signatures: (string | undefined)[] = calls.map(({ id }) =>
    GEMINI.test(model) ? splitCallId(id).signature : undefined,
  );
  if (DEMANDS.test(model) && !signatures.some((signature) => signature)) {
    return signatures.fill(NOT_SIGNED, 0, 1);
  }
  return signatures;
}
