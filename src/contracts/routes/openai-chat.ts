import { ADMISSION_ERRORS } from '../errors.ts';
import { chatCompletionBody } from '../openai-chat.ts';
import { chatCompletion } from '../openai-chat-answer.ts';
import { defineRoute } from '../route.ts';
import { ONE_SHOT, ONE_SHOT_ERRORS } from './one-shot.ts';

export const createChatCompletion = defineRoute({
  ...ONE_SHOT,
  method: 'post',
  path: '/v1/chat/completions',
  summary: "OpenAI's chat completions. `Idempotency-Key` makes it safe to repeat",
  tag: 'OpenAI-compatible',
  errorShape: 'openai',
  headers: ['Idempotency-Key'],
  body: chatCompletionBody,
  answer: {
    status: 200,
    schema: chatCompletion,
    description: 'The answer, whole.',
    streams: 'With `stream: true`: the chunks of OpenAI, `data: [DONE]` last',
  },
  errors: [...ONE_SHOT_ERRORS, ...ADMISSION_ERRORS],
});
