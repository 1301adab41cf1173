import { z } from 'zod';
import { anthropicBody, anthropicCountBody, anthropicMessage } from '../anthropic-messages.ts';
import { ADMISSION_ERRORS } from '../errors.ts';
import { defineRoute } from '../route.ts';
import { ONE_SHOT, ONE_SHOT_ERRORS } from './one-shot.ts';

const common = { tag: 'Anthropic-compatible', errorShape: 'anthropic' } as const;

export const createAnthropicMessage = defineRoute({
  ...ONE_SHOT,
  ...common,
  method: 'post',
  path: '/v1/messages',
  summary: "Anthropic's messages. `Idempotency-Key` makes it safe to repeat",
  headers: ['Idempotency-Key'],
  body: anthropicBody,
  answer: {
    status: 200,
    schema: anthropicMessage,
    description: 'The answer, whole.',
    streams: 'With `stream: true`: the events of Anthropic',
  },
  errors: [...ONE_SHOT_ERRORS, ...ADMISSION_ERRORS],
});

export const countAnthropicTokens = defineRoute({
  ...common,
  method: 'post',
  path: '/v1/messages/count_tokens',
  summary: 'About how many tokens a prompt has, by our own count',
  access: ONE_SHOT.access,
  permission: ONE_SHOT.permission,
  scope: ONE_SHOT.scope,
  body: anthropicCountBody,
  answer: { status: 200, schema: z.object({ input_tokens: z.int() }) },
  errors: ['model_not_available'],
});
