import type { AddressInfo } from 'node:net';
import type { Core } from './compose.ts';
import { composeWeb } from './compose-web.ts';

/** Serves HTTP and Socket.IO. @throws when the port cannot be listened on */
export async function startWeb(core: Core): Promise<void> {
  const { config, log } = core;
  const server = await composeWeb(core);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.PORT, config.HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log.info(
    { port, url: `http://${config.HOST}:${port}` },
    `Parley is ready at http://${config.HOST}:${port}`,
  );
}
