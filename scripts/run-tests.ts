import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buildFolder, buildSources } from '../test/support/build.ts';
import { startTestPostgres } from '../test/support/test-postgres.ts';

/**
 * Runs every test, in four parts, as many beside each other as there are cores (more on one core would wait for it, and what is
 * tested has deadlines). Each part is a mocha of its own, with Redis servers of its own; they share one PostgreSQL and one
 * build of the sources, as each of those takes seconds of a core. What one says is shown when the one before it has ended.
 * The last line tells the numbers of all; with `TEST_RESULTS` they also go into that file, one a line.
 *
 * The parts take about as long as each other (`ledger-property` takes a quarter of its part), and one that mostly waits stands
 * beside one that mostly works.
 *
 * @example npm test
 */
const PARTS = [
  ['test/journey/**/*.test.ts'],
  ['test/integration/@([a-e]*|ledger-property).test.ts'],
  ['test/faults/**/*.test.ts', 'test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'],
  ['test/integration/!([a-e]*|ledger-property).test.ts'],
];

const ROOT = path.resolve(import.meta.dirname, '..');

/** How one mocha ended. */
interface Part {
  code: number;
  passed: number;
  failed: number;
  pending: number;
  /** What failed, and why. */
  failures: string[];
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-tests-'));
const build = buildFolder();
const postgres = process.env.TEST_DATABASE_URL ? undefined : startTestPostgres();
try {
  const [own] = await Promise.all([postgres, buildSources(build)]);
  const env = { ...process.env, TEST_BUILD: build, ...(own && { TEST_DATABASE_URL: own.url }) };
  // A Redis that was given is one for all, and tests flush it: then they run one after the other.
  const atOnce = process.env.TEST_REDIS_URL ? 1 : Math.max(2, os.availableParallelism());
  const running: Promise<Part>[] = [];
  for (const [index, globs] of PARTS.entries()) {
    await running.at(-atOnce);
    const file = path.join(scratch, String(index));
    running.push(runMocha({ globs, file, env, after: running.at(-1) }));
  }
  const parts = await Promise.all(running);
  const [passed, failed, pending] = (['passed', 'failed', 'pending'] as const).map((kind) =>
    parts.reduce((sum, part) => sum + part[kind], 0),
  );
  if (process.env.TEST_RESULTS) {
    await writeFile(process.env.TEST_RESULTS, `${passed}\n${failed}\n${pending}\n`);
  }
  // Once more where whoever looks at the end of it sees it.
  for (const failure of parts.flatMap(({ failures }) => failures)) console.log(`FAILED ${failure}`);
  console.log(`${pending ? `${pending} pending\n` : ''}${passed} passed, ${failed} failed`);
  process.exitCode = parts.every(({ code }) => code === 0) ? 0 : 1;
} finally {
  await postgres?.then(({ close }) => close());
  await Promise.all([scratch, build].map((folder) => rm(folder, { recursive: true, force: true })));
}

interface MochaOptions {
  globs: string[];
  /** Where its result goes. */
  file: string;
  env: NodeJS.ProcessEnv;
  /** What it says is held back until this has ended. */
  after: Promise<unknown> | undefined;
}

/** Runs some test files. */
async function runMocha({ globs, file, env, after }: MochaOptions): Promise<Part> {
  const mocha = path.join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const reporter = ['--reporter', 'test/support/reporter.cjs', '--reporter-option', `file=${file}`];
  const output = after === undefined ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [mocha, ...reporter, ...globs], {
    cwd: ROOT,
    env,
    stdio: ['ignore', output, output],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 1)));
  await after;
  process.stdout.write(Buffer.concat(said));
  const result = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Omit<Part, 'code'>,
    () => ({ passed: 0, failed: 0, pending: 0, failures: [`${globs.join(', ')}: ended without a result`] }),
  );
  return { code, ...result };
}
