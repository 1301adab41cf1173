import { type LlmProvider, RESELLERS } from '../base/config-models.ts';

/** How they call the makers whose own API has another name here. */
const MAKERS: Readonly<Record<string, string>> = { gemini: 'google' };

/**
 * Under which ids a provider may have the same model, the likeliest first: `openai/gpt-4.1` is
 * `openrouter/openai/gpt-4.1` there, and the other way round. Guesses: the directory knows which of them exist.
 */
export function namesAt(provider: LlmProvider, model: string): string[] {
  const [home = '', ...rest] = model.split('/');
  const name = rest.join('/');
  const maker = MAKERS[provider] ?? provider;
  if (RESELLERS.includes(provider)) {
    if (RESELLERS.includes(home)) return [`${provider}/${name}`];
    return spellings(name).map((each) => `${provider}/${MAKERS[home] ?? home}/${each}`);
  }
  if (!RESELLERS.includes(home) || !name.startsWith(`${maker}/`)) return [];
  return spellings(name.slice(maker.length + 1)).map((each) => `${provider}/${each}`);
}

/** Anthropic writes versions with a dash (`claude-sonnet-4-5`); those that serve its models write a dot. */
function spellings(name: string): string[] {
  const dotted = name.replace(/^(claude-[a-z]+-\d)-(\d)$/, '$1.$2');
  const dashed = name.replace(/^(claude-[a-z]+-\d)\.(\d)$/, '$1-$2');
  return [...new Set([name, dotted, dashed])];
}
