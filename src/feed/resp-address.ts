import type { NetConnectOpts } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** Where a Redis is, and what it wants to be told first. */
export interface RespAddress {
  tls: boolean;
  socket: NetConnectOpts & ConnectionOptions;
  /** Commands that stand before all others: who we are, and which database. */
  greeting: string[][];
}

const DEFAULT_PORT = 6379;

/**
 * Reads a Redis URL: `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS.
 * https://www.iana.org/assignments/uri-schemes/prov/redis
 */
export function parseRedisUrl(url: string, clientName: string): RespAddress {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const database = pathname.slice(1);
  const login = password ? [[...(username ? [username] : []), password].map(decodeURIComponent)] : [];
  return {
    tls: protocol === 'rediss:',
    socket: {
      host,
      port: port === '' ? DEFAULT_PORT : Number(port),
      noDelay: true,
      keepAlive: true,
      // An address has no name that a certificate could be checked against.
      ...(/^[\d.:]+$/.test(host) ? {} : { servername: host }),
    },
    greeting: [
      ...login.map((words) => ['AUTH', ...words]),
      ['CLIENT', 'SETNAME', clientName],
      ...(database === '' || database === '0' ? [] : [['SELECT', database]]),
    ],
  };
}
