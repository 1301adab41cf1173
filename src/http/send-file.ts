import { Readable } from 'node:stream';
import { inChunks } from '../base/chunks.ts';
import type { Logger } from '../base/logger.ts';
import type { FileName } from '../presenters/file-name.ts';
import type { AppContext } from './context.ts';
import { endUnread } from './http-server.ts';

/** A file to be sent, piece by piece. */
export interface SentFile {
  name: FileName;
  pieces: AsyncIterable<string>;
  log: Logger;
}

/** About how much is written at once, in UTF-16 code units. */
const CHUNK_CHARS = 65_536;

/**
 * Sends a file while it is made: Koa pipes it, at the client's pace; when either end fails it ends the other. A failure
 * while the file is under way cannot be answered any more: the client sees that it is cut off.
 */
export function sendFile(ctx: AppContext, { name: { name, ascii }, pieces, log }: SentFile): void {
  const { requestId } = ctx.state;
  ctx.attachment(name, { fallback: ascii });
  // A client that reads nothing keeps a page of it in memory.
  endUnread(ctx.res);
  ctx.body = Readable.from(inChunks(watched(), CHUNK_CHARS));

  async function* watched(): AsyncGenerator<string> {
    try {
      yield* pieces;
    } catch (error) {
      log.error({ err: error, requestId }, 'an export broke off');
      throw error;
    }
  }
}
