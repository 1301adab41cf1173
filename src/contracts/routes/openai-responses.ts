import { ADMISSION_ERRORS } from '../errors.ts';
import { responseBody, responseObject } from '../openai-responses.ts';
import { defineRoute } from '../route.ts';
import { ONE_SHOT, ONE_SHOT_ERRORS } from './one-shot.ts';

export const createResponse = defineRoute({
  ...ONE_SHOT,
  method: 'post',
  path: '/v1/responses',
  summary: "OpenAI's responses: text in, text out, functions. `Idempotency-Key` makes it safe to repeat",
  tag: 'OpenAI-compatible',
  errorShape: 'openai',
  headers: ['Idempotency-Key'],
  body: responseBody,
  answer: {
    status: 200,
    schema: responseObject,
    description: 'The answer, whole.',
    streams: 'With `stream: true`: the events of OpenAI',
  },
  errors: [...ONE_SHOT_ERRORS, ...ADMISSION_ERRORS, 'not_found'],
});
