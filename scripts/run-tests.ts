import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buildFolder, buildSources } from '../test/support/build.ts';
import { startTestPostgres } from '../test/support/test-postgres.ts';

/**
 * Runs every test, in parts, some of them beside each other. Each part is a mocha of its own, with Redis servers of its own;
 * they share one PostgreSQL and one build of the sources, as each of those takes seconds of a core. What one says is shown when
 * the one before it has ended. The last line tells the numbers of all; with `TEST_RESULTS` they also go into that file, one a line.
 *
 * The longest comes first, so that all of them end at about the same time.
 *
 * @example npm test
 */
const PARTS = [
  ['test/journey/**/*.test.ts'],
  ['test/integration/@([a-e]*|ledger-property).test.ts'],
  ['test/integration/!([a-e]*|ledger-property).test.ts'],
  ['test/faults/**/*.test.ts'],
  ['test/contract/**/*.test.ts'],
  ['test/unit/**/*.test.ts'],
];

const ROOT = path.resolve(import.meta.dirname, '..');

/** What our reporter tells of one mocha. */
interface Result {
  passed: number;
  failed: number;
  pending: number;
  /** What failed, and why. */
  failures: string[];
}

/** How one mocha ended. */
interface Part extends Result {
  code: number;
  /** What it said, unless that was shown at once. */
  said: Buffer;
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-tests-'));
const build = buildFolder();
const postgres = process.env.TEST_DATABASE_URL ? undefined : startTestPostgres();
try {
  const [own] = await Promise.all([postgres, buildSources(build)]);
  const env = { ...process.env, TEST_BUILD: build, ...(own && { TEST_DATABASE_URL: own.url }) };
  // One more than there are cores, as they often wait. A Redis that was given is one for all, and tests flush it.
  const atOnce = process.env.TEST_REDIS_URL ? 1 : os.availableParallelism() + 1;
  const parts = await runAll(PARTS, { atOnce, env });
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

/** Runs parts, so many at once; shows what each says, in their order. */
async function runAll(
  parts: string[][],
  { atOnce, env }: { atOnce: number; env: NodeJS.ProcessEnv },
): Promise<Part[]> {
  const started: Promise<Part>[] = [];
  const running = new Set<Promise<Part>>();
  let shown = Promise.resolve();
  for (const globs of parts) {
    if (running.size === atOnce) await Promise.race(running);
    const part = runMocha({ globs, env, live: started.length === 0 });
    started.push(part);
    running.add(part);
    void part.then(() => running.delete(part));
    shown = shown.then(async () => void process.stdout.write((await part).said));
  }
  await shown;
  return Promise.all(started);
}

interface MochaOptions {
  globs: string[];
  env: NodeJS.ProcessEnv;
  /** What it says is shown at once, and not returned. */
  live: boolean;
}

/** Runs some test files. */
async function runMocha({ globs, env, live }: MochaOptions): Promise<Part> {
  const mocha = path.join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const file = path.join(scratch, randomUUID());
  const reporter = ['--reporter', 'test/support/reporter.cjs', '--reporter-option', `file=${file}`];
  const output = live ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [mocha, ...reporter, ...globs], {
    cwd: ROOT,
    env,
    stdio: ['ignore', output, output],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 1)));
  const result = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Result,
    () => ({ passed: 0, failed: 0, pending: 0, failures: [`${globs.join(', ')}: ended without a result`] }),
  );
  return { ...result, code, said: Buffer.concat(said) };
}
