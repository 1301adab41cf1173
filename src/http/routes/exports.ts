import type { Logger } from '../../base/logger.ts';
import { exportSessionJson, exportSessionMarkdown } from '../../contracts/routes/sessions.ts';
import { exportJson } from '../../presenters/export-json.ts';
import { exportMarkdown } from '../../presenters/export-markdown.ts';
import { fileNameOf } from '../../presenters/file-name.ts';
import type { ExportSession } from '../../services/export-session.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { sendFile } from '../send-file.ts';

/** What the routes of exports run. */
export interface ExportRouteDeps {
  exportSession: ExportSession;
  log: Logger;
}

/** `/sessions/:id/export.*`: a session as a file, sent while it is read. */
export function exportRoutes({ exportSession, log }: ExportRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, exportSessionJson, async ({ params }, { identity, ctx }) => {
      const exported = await exportSession(identity.userId, params.id);
      sendFile(ctx, { name: fileNameOf(exported.session.title, 'json'), pieces: exportJson(exported), log });
    });

    mountRoute(table, exportSessionMarkdown, async ({ params }, { identity, ctx }) => {
      const exported = await exportSession(identity.userId, params.id);
      sendFile(ctx, {
        name: fileNameOf(exported.session.title, 'md'),
        pieces: exportMarkdown(exported),
        log,
      });
    });
  };
}
