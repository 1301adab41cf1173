import { MASKED_KINDS, type MaskedKind } from '../../contracts/masking.ts';

/** A placeholder, wherever it comes from: masked here, written by somebody, or left in an earlier answer. */
export const PLACEHOLDER = new RegExp(`\\[(${MASKED_KINDS.join('|').toUpperCase()})_(\\d{1,9})\\]`, 'g');

/** `[EMAIL_1]`. */
export const placeholderOf = (kind: MaskedKind, number: number): string =>
  `[${kind.toUpperCase()}_${number}]`;

/** A text whose placeholders are of another request: they stand for something, but for nothing in this one. */
export const withoutNumbers = (text: string): string => text.replaceAll(PLACEHOLDER, '[$1]');
