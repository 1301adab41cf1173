import type { ErrorShape } from '../contracts/route.ts';
import type { AppContext } from './context.ts';
import { anthropicError } from './error-shapes/anthropic.ts';
import type { ShapeError } from './error-shapes/error-shape.ts';
import { openAiError } from './error-shapes/openai.ts';
import { problemError } from './error-shapes/problem.ts';
import type { RouteTable } from './route-table.ts';

const SHAPES: Readonly<Record<ErrorShape, ShapeError>> = {
  problem: problemError,
  openai: openAiError,
  anthropic: anthropicError,
};

/** In whose words a request is refused. */
export type ShapeOf = (ctx: Pick<AppContext, 'path' | 'method' | 'get' | 'state'>) => ShapeError;

/**
 * Tells it by the route, also by one that answers to another method, or where there is none at the path, by the clients that
 * ask there. Where OpenAI's and Anthropic's clients ask for the same path, the latter tell themselves by their header.
 */
export function createShapeOf({ router, contracts }: Pick<RouteTable, 'router' | 'contracts'>): ShapeOf {
  const shapes = new Map(contracts.map(({ path, errorShape = 'problem' }) => [path, errorShape]));

  function shapeAt(path: string, method: string): ErrorShape | undefined {
    const [layer] = router.match(path, method).path;
    return typeof layer?.path === 'string' ? shapes.get(layer.path) : undefined;
  }

  return (ctx) => {
    const { path, method, state } = ctx;
    const shape =
      state.errorShape ?? shapeAt(path, method) ?? (path.startsWith('/v1/') ? 'openai' : 'problem');
    return SHAPES[shape === 'openai' && asksAnthropic(ctx) ? 'anthropic' : shape];
  };
}

/** Anthropic's clients send it with every request, and nobody else does. */
export const asksAnthropic = (ctx: Pick<AppContext, 'get'>): boolean => ctx.get('anthropic-version') !== '';
