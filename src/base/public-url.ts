import type { Config } from './config.ts';

/** Where a server is that listens on a host, as a URL writes it: an IPv6 address in brackets. */
export const listeningUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Where browsers find the server, without a slash at its end. */
export function publicUrl({ PUBLIC_URL, HOST, PORT }: Pick<Config, 'PUBLIC_URL' | 'HOST' | 'PORT'>): string {
  return (PUBLIC_URL ?? listeningUrl(HOST, PORT)).replace(/\/+$/, '');
}
