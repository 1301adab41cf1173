import type { Anthropic } from '@anthropic-ai/sdk';
import type { PromptOptions } from '../contracts/prompt.ts';

type Effort = NonNullable<Anthropic.OutputConfig['effort']>;

/**
 * How much effort a model is asked for (https://platform.claude.com/docs/en/build-with-claude/effort): what it does not take is
 * answered with 400, so it is the nearest below that it takes, and nothing where it is not known to take any. What thinks less
 * than `low` does not exist here.
 *
 * @param model the provider's own name
 */
export function anthropicEffort(model: string, effort: PromptOptions['reasoningEffort']): Effort | undefined {
  if (effort === undefined || !WITH_EFFORT.test(model)) return undefined;
  if (effort === 'none' || effort === 'minimal') return 'low';
  const isKnown = effort === 'max' ? WITH_MAX : effort === 'xhigh' ? WITH_XHIGH : WITH_EFFORT;
  return isKnown.test(model) ? effort : 'high';
}

/** Opus from 4.5 on, Sonnet from 4.6 on, and every family from 5 on. */
const WITH_EFFORT = /^claude-(opus-4-[5-9]|sonnet-4-[6-9]|[a-z]+-([5-9]|[1-9]\d))(?!\d)/;
/** Not Opus 4.5. */
const WITH_MAX = /^claude-((opus|sonnet)-4-[6-9]|[a-z]+-([5-9]|[1-9]\d))(?!\d)/;
/** Neither Opus 4.6 nor Sonnet 4.6. */
const WITH_XHIGH = /^claude-((opus|sonnet)-4-[7-9]|[a-z]+-([5-9]|[1-9]\d))(?!\d)/;
