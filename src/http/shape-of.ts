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

/** In whose words a request is refused: those of its route, or where there is none, of the client that seems to ask. */
export function shapeOf(ctx: Pick<AppContext, 'path' | 'get' | 'state'>): ShapeError {
  return SHAPES[ctx.state.errorShape ?? guess(ctx)];
}

function guess(ctx: Pick<AppContext, 'path' | 'get'>): ErrorShape {
  if (!ctx.path.startsWith('/v1/')) return 'problem';
  return ctx.get('anthropic-version') === '' ? 'openai' : 'anthropic';
}
