import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { buildFolder, buildSources } from './build.ts';
import { atEndOfRun } from './global.ts';

/** Variables of a process. */
export type ProcessEnv = Record<string, string>;

/** How a process ended. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One line of a process's log. */
export interface LogLine {
  msg: string;
  [field: string]: unknown;
}

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Lines that are kept of each process, for the message of a failed test. */
const KEPT_LINES = 300;
/** Two cores that run other tests as well may need this long for a cold start. */
const START_MS = 60_000;

/** What is not about limits is not to meet any. */
const UNLIMITED = {
  RATE_LIMITS: 'off',
  MAX_CONCURRENT_GENERATIONS: '1000',
  MAX_CONNECTIONS_PER_USER: '10000',
};

/** `npm test` compiles the sources once for all of its parts; whoever runs a file by itself does so here. */
const GIVEN_BUILD = process.env.TEST_BUILD;
const BUILD = GIVEN_BUILD ?? buildFolder();

let built: Promise<void> | undefined;

const build = async (): Promise<void> => {
  if (GIVEN_BUILD === undefined) await buildSources(BUILD);
};

/** A script of ours as it is built, such as `cli/admin.ts`: how that is run. */
export async function builtScript(source: string): Promise<string> {
  built ??= build();
  await built;
  return path.join(BUILD, source.replace(/\.ts$/, '.js'));
}

const alive = new Set<ParleyProcess>();
// Also when the run ends in another way than by its end.
process.on('exit', () => {
  for (const each of alive) each.signal('SIGKILL');
});
atEndOfRun(async () => {
  await Promise.all([...alive].map((each) => each.kill()));
  if (GIVEN_BUILD === undefined) await rm(BUILD, { recursive: true, force: true });
});

/** A web process on a free port, ready. */
export const startWeb = (env: ProcessEnv): Promise<ParleyProcess> =>
  ParleyProcess.start('web', ['src/server.js', 'web'], env);

/** A worker process, ready. */
export const startWorker = (env: ProcessEnv): Promise<ParleyProcess> =>
  ParleyProcess.start('worker', ['workers/main.js'], env);

/** Web and worker in one process, as `npm start` runs it. */
export const startAllInOne = (env: ProcessEnv): Promise<ParleyProcess> =>
  ParleyProcess.start('all-in-one', ['src/server.js'], env);

/** A real process of Parley. It has no variables but those it is given. */
export class ParleyProcess {
  readonly name: string;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: LogLine) => void>();
  #port = 0;

  private constructor(name: string, [script = '', ...args]: string[], env: ProcessEnv) {
    this.name = name;
    this.#child = spawn(process.execPath, ['--enable-source-maps', path.join(BUILD, script), ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, NODE_ENV: 'test', LOG_LEVEL: 'info', PORT: '0', ...UNLIMITED, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this);
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        alive.delete(this);
        resolve({ code, signal });
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#read(stream);
  }

  /** @throws with its output when it ends, or says nothing, before it is ready */
  static async start(name: string, args: string[], env: ProcessEnv): Promise<ParleyProcess> {
    built ??= build();
    await built;
    const started = new ParleyProcess(name, args, env);
    const ready = await started.logged((line) => /^(Parley|worker) is ready/.test(line.msg), START_MS);
    started.#port = Number(ready.port ?? 0);
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Of a process that serves. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What it wrote last. */
  get output(): string {
    return `--- ${this.name} (${this.pid})\n${this.#lines.join('\n')}`;
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** SIGTERM. Answers how it ended, and after how long. */
  async terminate(): Promise<ProcessExit & { afterMs: number }> {
    const since = performance.now();
    this.signal('SIGTERM');
    const exit = await this.exited;
    return { ...exit, afterMs: performance.now() - since };
  }

  /** The next log line for which `test` holds. Rejects with the output when the process ends or nothing comes. */
  async logged(test: (line: LogLine) => boolean, timeoutMs = 15_000): Promise<LogLine> {
    let watch: ((line: LogLine) => void) | undefined;
    let late: NodeJS.Timeout | undefined;
    try {
      return await new Promise<LogLine>((resolve, reject) => {
        const fail = (why: string) => reject(new Error(`${this.name} ${why}\n${this.output}`));
        watch = (line) => test(line) && resolve(line);
        this.#watchers.add(watch);
        late = setTimeout(() => fail(`did not log that within ${timeoutMs} ms`), timeoutMs);
        void this.exited.then(({ code, signal }) => fail(`ended with ${code ?? signal}`));
      });
    } finally {
      clearTimeout(late);
      if (watch) this.#watchers.delete(watch);
    }
  }

  /** Bytes that it holds in memory. From /proc: Linux only. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  #read(stream: NodeJS.ReadableStream | null): void {
    let rest = '';
    stream?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    if (!line.startsWith('{')) return;
    const parsed = JSON.parse(line) as LogLine;
    for (const watch of this.#watchers) watch(parsed);
  }
}
