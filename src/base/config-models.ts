import { z } from 'zod';

/** The providers of language models that can be configured. */
export const LLM_PROVIDERS = ['openai', 'anthropic', 'gemini', 'openrouter', 'huggingface'] as const;
/** One of them. */
export type LlmProvider = (typeof LLM_PROVIDERS)[number];

/** Those that serve the models of others, under `maker/name`. */
export const RESELLERS: readonly string[] = ['openrouter', 'huggingface'] satisfies LlmProvider[];

/** Other names of providers. */
const ALIASES: Readonly<Record<string, LlmProvider>> = { claude: 'anthropic', google: 'gemini' };

/** The models that answer when another one cannot, in order. */
export interface ModelFallbacks {
  model: string;
  fallbacks: string[];
}

/** The name of a provider, or its alias, in any case. */
export const providerName = z.string().transform((value, context) => asProvider(value, context) ?? z.NEVER);

/** Names of providers, comma separated. */
export const providerNames = z
  .string()
  .default('')
  .transform((value, context) => {
    const names = parts(value, ',').map((name) => asProvider(name, context));
    return [...new Set(names.filter((name) => name !== undefined))];
  });

/** `model=fallback,fallback; model=fallback`. */
export const modelFallbacks = z
  .string()
  .default('')
  .transform((value, context): ModelFallbacks[] =>
    parts(value, ';').map((rule) => {
      const [model = '', list, ...more] = rule.split('=').map((part) => part.trim());
      const fallbacks = parts(list ?? '', ',');
      if (more.length > 0 || fallbacks.length === 0 || ![model, ...fallbacks].every(isModelId)) {
        const message = `"${rule}" is not model=fallback,fallback, each of them provider/name`;
        context.addIssue({ code: 'custom', message });
      }
      return { model, fallbacks };
    }),
  );

/** The id of a model, or a bare name: what may be one by its form. */
export const modelName = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(/^[^/\s]+(\/\S+)?$/, 'must be provider/name, or a bare name');

/** What stands where a provider should in the id of a model, where it is none; undefined also for a bare name. */
export function unknownProvider(id: string): string | undefined {
  const [, provider] = /^([^/]+)\//.exec(id) ?? [];
  return provider === 'echo' || LLM_PROVIDERS.some((each) => each === provider) ? undefined : provider;
}

function asProvider(value: string, context: z.RefinementCtx): LlmProvider | undefined {
  const name = value.trim().toLowerCase();
  const found = ALIASES[name] ?? LLM_PROVIDERS.find((each) => each === name);
  if (!found) {
    const message = `"${value.trim()}" is none of ${LLM_PROVIDERS.join(', ')}`;
    context.addIssue({ code: 'custom', message });
  }
  return found;
}

function parts(value: string, separator: string): string[] {
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter(Boolean);
}

/** `provider/name` of a provider that there is, or the offline model. */
function isModelId(id: string): boolean {
  if (id === 'echo') return true;
  const [, provider] = /^([^/\s]+)\/\S+$/.exec(id) ?? [];
  return LLM_PROVIDERS.some((each) => each === provider);
}
