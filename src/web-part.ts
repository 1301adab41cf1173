import { listeningUrl } from './base/public-url.ts';
import type { Core } from './compose.ts';
import { composeWeb } from './compose-web.ts';
import { listen } from './http/listen.ts';

/** Serves HTTP and Socket.IO. @throws when it cannot listen, naming the variable */
export async function startWeb(core: Core): Promise<void> {
  const { config, log } = core;
  const port = await listen(await composeWeb(core), {
    host: config.HOST,
    port: config.PORT,
    portName: 'PORT',
    log,
  });
  const url = listeningUrl(config.HOST, port);
  log.info({ port, url }, `Parley is ready at ${url}`);
}
