import { Readable } from 'node:stream';
import { inChunks } from '../../base/chunks.ts';
import type { Logger } from '../../base/logger.ts';
import { exportSessionJson, exportSessionMarkdown } from '../../contracts/routes/sessions.ts';
import { exportJson } from '../../presenters/export-json.ts';
import { exportMarkdown } from '../../presenters/export-markdown.ts';
import { type FileName, fileNameOf } from '../../presenters/file-name.ts';
import type { ExportSession } from '../../services/export-session.ts';
import type { AppContext } from '../context.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of exports run. */
export interface ExportRouteDeps {
  exportSession: ExportSession;
  log: Logger;
}

/** About how much is written at once, in UTF-16 code units. */
const CHUNK_CHARS = 65_536;

/** `/sessions/:id/export.*`: a session as a file, sent while it is read. */
export function exportRoutes({ exportSession, log }: ExportRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, exportSessionJson, async ({ params }, { identity, ctx }) => {
      const exported = await exportSession(identity.userId, params.id);
      send(ctx, fileNameOf(exported.session.title, 'json'), exportJson(exported));
    });

    mountRoute(table, exportSessionMarkdown, async ({ params }, { identity, ctx }) => {
      const exported = await exportSession(identity.userId, params.id);
      send(ctx, fileNameOf(exported.session.title, 'md'), exportMarkdown(exported));
    });
  };

  /** Koa pipes the file, at the client's pace; when either end fails it ends the other. */
  function send(ctx: AppContext, { name, ascii }: FileName, pieces: AsyncIterable<string>): void {
    ctx.attachment(name, { fallback: ascii });
    ctx.body = Readable.from(inChunks(watched(pieces, ctx.state.requestId), CHUNK_CHARS));
  }

  /** A failure while the file is under way cannot be answered any more: the client sees that it is cut off. */
  async function* watched(pieces: AsyncIterable<string>, requestId: string): AsyncGenerator<string> {
    try {
      yield* pieces;
    } catch (error) {
      log.error({ err: error, requestId }, 'an export broke off');
      throw error;
    }
  }
}
