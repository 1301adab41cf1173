import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PACKAGE_ROOT } from '../../src/base/version.ts';
import { median, type Row } from '../support/row.ts';

const ROUNDS = 3;
const root = PACKAGE_ROOT;
const SOURCES = [
  'src',
  'workers',
  'migrations',
  'cli',
  'ormconfig.ts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** `start`: a cold `npm start` (build, embedded PostgreSQL from nothing, migrations) until it is ready. */
export async function measureStart(): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await coldStart());
  const value = median(times);
  return { name: 'start: cold npm start to ready', value, unit: 's', target: '<= 5 s', ok: value <= 5 };
}

async function coldStart(): Promise<number> {
  const copy = await mkdtemp(path.join(os.tmpdir(), 'parley-start-'));
  for (const source of SOURCES)
    await cp(path.join(root, source), path.join(copy, source), { recursive: true });
  await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  const dataDir = await mkdtemp('/tmp/parley-start-data-');
  const started = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: copy,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('npm start ended')));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Parley is ready')) resolve();
    });
  });
  const seconds = (performance.now() - started) / 1_000;
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
  await Promise.all([copy, dataDir].map((directory) => rm(directory, { recursive: true, force: true })));
  return seconds;
}
