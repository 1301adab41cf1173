import { createHash } from 'node:crypto';
import type { Config } from '../base/config.ts';

/** What of the configuration says where providers are. */
export type EndpointsConfig = Pick<
  Config,
  | 'OPENAI_BASE_URL'
  | 'ANTHROPIC_BASE_URL'
  | 'GEMINI_BASE_URL'
  | 'OPENROUTER_BASE_URL'
  | 'HUGGINGFACE_BASE_URL'
>;

/**
 * Fingerprints of the base URLs that are not the providers' own, by provider: a list of models from another place is
 * another list. Not the URLs themselves, as one may hold a password.
 */
export function fingerprintEndpoints(config: EndpointsConfig): Record<string, string> {
  const urls = {
    openai: config.OPENAI_BASE_URL,
    anthropic: config.ANTHROPIC_BASE_URL,
    gemini: config.GEMINI_BASE_URL,
    openrouter: config.OPENROUTER_BASE_URL,
    huggingface: config.HUGGINGFACE_BASE_URL,
  };
  return Object.fromEntries(
    Object.entries(urls).flatMap(([provider, url]) => (url ? [[provider, fingerprint(url)]] : [])),
  );
}

const fingerprint = (url: string): string =>
  createHash('sha256').update(url).digest('base64url').slice(0, 16);
