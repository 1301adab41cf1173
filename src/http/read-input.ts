import { checkUntrusted } from '../base/untrusted-json.ts';
import { type Checked, checkInput, invalidInput } from '../base/validation.ts';
import type { FieldError } from '../contracts/errors.ts';
import type { RouteContract, RouteInput } from '../contracts/route.ts';
import type { AppContext } from './context.ts';
import type { ReadJsonBody } from './read-json-body.ts';

/** The others have one where their contract says so. */
const METHODS_WITH_BODY = new Set<RouteContract['method']>(['post', 'put', 'patch']);

/**
 * Whether the body of a request is read. With a method that has one it is, also where the route takes none: a malformed
 * one is refused everywhere.
 */
export const readsBody = ({ method, body }: Pick<RouteContract, 'method' | 'body'>): boolean =>
  body !== undefined || METHODS_WITH_BODY.has(method);

/**
 * Everything that the contract of a route says about its input, checked. What a contract does not mention
 * at all (the query of a route without one, the body of another) is not looked at beyond being well-formed.
 *
 * @throws {AppError} naming every refused field; nothing has been written yet
 */
export async function readInput<R extends RouteContract>(
  contract: R,
  ctx: AppContext,
  readBody: ReadJsonBody,
): Promise<RouteInput<R>> {
  const body = readsBody(contract) ? await readBody(ctx) : undefined;
  const params = contract.params && checkUntrusted(contract.params, ctx.params, 'params');
  const query = contract.query && checkQuery(contract.query, ctx.querystring);
  const checkedBody = contract.body && checkInput(contract.body, body, 'body');

  const errors = [params, query, checkedBody].flatMap((part) => (part && !part.ok ? part.errors : []));
  if (errors.length > 0) throw invalidInput(errors);
  return {
    params: valueIn(params),
    query: valueIn(query),
    body: valueIn(checkedBody),
  } as RouteInput<R>;
}

function checkQuery(schema: NonNullable<RouteContract['query']>, querystring: string): Checked<unknown> {
  const given = new Map<string, string>();
  const repeated: FieldError[] = [];
  for (const [key, value] of new URLSearchParams(querystring)) {
    if (given.has(key)) repeated.push({ path: `query.${key}`, message: 'must be given once' });
    given.set(key, value);
  }
  // Object.fromEntries, unlike an assignment, makes `__proto__` a key like any other, which is then refused.
  const checked = checkUntrusted(schema, Object.fromEntries(given), 'query');
  if (repeated.length === 0) return checked;
  return { ok: false, errors: checked.ok ? repeated : [...repeated, ...checked.errors] };
}

const valueIn = (checked: Checked<unknown> | undefined): unknown => (checked?.ok ? checked.value : undefined);
