import { type Detector, findAll, secretAt } from './detector.ts';

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1; shorter ones are words. */
const PATTERN = /(?<![\w-])(?:bearer|basic)[ \t]{1,4}(?<value>[\w~+/.=-]{12,})/gi;

/** What stands behind `Bearer` or `Basic` in a header. */
export const findBearerTokens: Detector = (text) =>
  findAll(text, PATTERN, (value, start) => (/[\d=]/.test(value) ? secretAt(value, start) : undefined));
