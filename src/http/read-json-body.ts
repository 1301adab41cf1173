import { HttpMethodEnum, koaBody } from 'koa-body';
import { AppError, invalidField } from '../base/errors.ts';
import { findHarm, findTooMany } from '../base/untrusted-json.ts';
import type { FieldError } from '../contracts/errors.ts';
import type { AppContext } from './context.ts';

/**
 * Reads the body of a request: the JSON value, or undefined when there is none.
 *
 * @throws {AppError} `payload_too_large`, `unsupported_media_type`, `malformed_json`; `validation_failed` for
 *   what no route may be given
 */
export type ReadJsonBody = (ctx: AppContext) => Promise<unknown>;

const JSON_TYPE = 'application/json';
const noNext = async () => {};

/**
 * Makes the reader of request bodies. koa-body reads the bytes and bounds them; it is told to leave them as they are
 * (one character a byte), because its JSON parsing would replace invalid UTF-8 in silence.
 */
export function createJsonBodyReader(maxBytes: number): ReadJsonBody {
  const readBytes = koaBody({
    text: true,
    textTypes: [JSON_TYPE],
    encoding: 'binary',
    textLimit: maxBytes,
    json: false,
    urlencoded: false,
    parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.PUT, HttpMethodEnum.PATCH, HttpMethodEnum.DELETE],
  });
  return async (ctx) => {
    if (!hasBody(ctx)) return undefined;
    requireJson(ctx);
    await readBytes(ctx, noNext).catch((error: unknown) => {
      // Takes what still comes, so that the client gets to reading the answer.
      ctx.req.resume();
      throw readFailure(error, maxBytes);
    });
    const text = decode(ctx.request.body as string);
    return text === '' ? undefined : parse(text);
  };
}

function hasBody(ctx: AppContext): boolean {
  return ctx.get('transfer-encoding') !== '' || (ctx.request.length ?? 0) > 0;
}

function requireJson(ctx: AppContext): void {
  if (!ctx.is(JSON_TYPE)) throw unsupported('content-type', `must be ${JSON_TYPE}`);
  const encoding = ctx.get('content-encoding');
  // A small body can inflate to a large one, and chats do not need it.
  if (encoding !== '' && encoding !== 'identity') throw unsupported('content-encoding', 'must be identity');
}

function unsupported(header: string, message: string): AppError {
  const path = `headers.${header}`;
  return new AppError('unsupported_media_type', `${path}: ${message}`, { errors: [{ path, message }] });
}

function readFailure(cause: unknown, maxBytes: number): AppError {
  if ((cause as { status?: unknown }).status !== 413) return malformed('could not be read in full', cause);
  const message = `must have at most ${maxBytes} bytes`;
  return new AppError('payload_too_large', `body: ${message}`, {
    errors: [{ path: 'body', message }],
    cause,
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: string): string {
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch (cause) {
    throw malformed('must be UTF-8', cause);
  }
}

function parse(text: string): unknown {
  refuseHarm(findTooMany(text, 'body'));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('must be valid JSON', cause);
  }
  refuseHarm(findHarm(value, 'body'));
  return value;
}

function refuseHarm(harm: FieldError | undefined): void {
  if (harm) throw invalidField(harm.path, harm.message);
}

function malformed(message: string, cause: unknown): AppError {
  return new AppError('malformed_json', `body: ${message}`, { errors: [{ path: 'body', message }], cause });
}
