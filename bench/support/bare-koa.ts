import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import pg from 'pg';

/** The bare baseline of REST: Koa that answers everything with the rows of one statement, which the parent names. */
const { DATABASE_URL = '', POOL_SIZE = '', STATEMENT = '' } = process.env;
const { text, values } = JSON.parse(STATEMENT) as { text: string; values: unknown[] };

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_SIZE) });
const app = new Koa();
app.use(async (ctx) => {
  ctx.body = { data: (await pool.query({ text, values })).rows, nextCursor: null };
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.({ port: (server.address() as AddressInfo).port });
