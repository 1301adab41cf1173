import type { Server } from 'node:net';

/** Where a server is to listen. */
export interface ListenAddress {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The variable that the port is from. */
  portName: 'PORT' | 'METRICS_PORT';
}

/**
 * Has a server listen.
 *
 * @throws when it cannot, naming the variable that is at fault
 */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address.port, address.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw new Error(whatIsWrong(error, address), { cause: error });
  }
}

function whatIsWrong(error: unknown, { host, port, portName }: ListenAddress): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `${portName}: ${port} is taken on ${host}; must be a free port (0 finds one).`;
  if (code === 'EACCES') return `${portName}: this user may not listen on ${port}; must be another port.`;
  return `HOST: nobody can listen on "${host}" here; must be an address of this machine (${message}).`;
}
