import type { ErrorShape } from '../contracts/route.ts';
import type { AppContext } from './context.ts';
import { anthropicError } from './error-shapes/anthropic.ts';
import type { ShapeError } from './error-shapes/error-shape.ts';
import { openAiError } from './error-shapes/openai.ts';
import { problemError } from './error-shapes/problem.ts';

const SHAPES: Readonly<Record<ErrorShape, ShapeError>> = {
  problem: problemError,
  openai: openAiError,
  anthropic: anthropicError,
};

/**
 * In whose words a request is refused: those of its route, or where there is none, of the clients that ask there. Where
 * OpenAI's and Anthropic's clients ask for the same path, the latter tell themselves by their header.
 */
export function shapeOf(ctx: Pick<AppContext, 'path' | 'get' | 'state'>): ShapeError {
  const shape = ctx.state.errorShape ?? (ctx.path.startsWith('/v1/') ? 'openai' : 'problem');
  return SHAPES[shape === 'openai' && asksAnthropic(ctx) ? 'anthropic' : shape];
}

/** Anthropic's clients send it with every request, and nobody else does. */
export const asksAnthropic = (ctx: Pick<AppContext, 'get'>): boolean => ctx.get('anthropic-version') !== '';
