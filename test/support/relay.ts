import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A TCP relay to a server on this machine, whose client can be held up. */
export interface Relay {
  readonly port: number;
  /** From now on nothing reaches the server; what clients send waits. */
  hold(): void;
  release(): void;
  /** From now on nothing reaches the clients; what the server sends waits. */
  holdAnswers(): void;
  releaseAnswers(): void;
  /** Breaks every connection off. */
  cut(): void;
  /** Breaks every connection off for its client alone: the server hears nothing of it. */
  strand(): void;
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function startRelay(port: number): Promise<Relay> {
  const pairs = new Set<{ client: net.Socket; server: net.Socket }>();
  const stranded: net.Socket[] = [];
  const relay = net.createServer((client) => {
    const server = net.connect({ port, host: '127.0.0.1' });
    const pair = { client, server };
    pairs.add(pair);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('data', (chunk) => other.write(chunk));
      one.on('error', () => {});
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    port: (relay.address() as AddressInfo).port,
    hold: () => pairs.forEach(({ client }) => void client.pause()),
    release: () => pairs.forEach(({ client }) => void client.resume()),
    holdAnswers: () => pairs.forEach(({ server }) => void server.pause()),
    releaseAnswers: () => pairs.forEach(({ server }) => void server.resume()),
    cut: () => pairs.forEach(({ client }) => void client.destroy()),
    strand() {
      for (const { client, server } of pairs) {
        client.removeAllListeners('close');
        client.destroy();
        stranded.push(server);
      }
      pairs.clear();
    },
    async close() {
      for (const server of stranded) server.destroy();
      for (const { client } of pairs) client.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
