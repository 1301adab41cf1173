import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Logger } from '../base/logger.ts';

/** Where a server is to listen. */
export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The variable that the port is from. */
  portName: 'PORT' | 'METRICS_PORT';
  log: Logger;
}

/**
 * Has a server listen; resolves with the port. A connection that cannot be taken afterwards (the process has as many files
 * open as it may) is lost alone.
 *
 * @throws when it cannot, naming the variable that is at fault
 */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { host, port, log } = options;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new Error(whatIsWrong(error, options), { cause: error });
  }
  server.on('error', (error) => log.warn({ err: error }, 'a connection was not taken'));
  return (server.address() as AddressInfo).port;
}

function whatIsWrong(error: unknown, { host, port, portName }: ListenOptions): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `${portName}: ${port} is taken on ${host}; must be a free port (0 finds one).`;
  if (code === 'EACCES') return `${portName}: this user may not listen on ${port}; must be another port.`;
  return `HOST: nobody can listen on "${host}" here; must be an address of this machine (${message}).`;
}
