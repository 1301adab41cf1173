import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The root of the sources, or of their build: whichever this file is of. The benchmark runs the build, as production does. */
const root = path.resolve(import.meta.dirname, '../..');
const extension = path.extname(import.meta.filename);
const loader = extension === '.ts' ? ['--import', 'tsx'] : [];
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A process that runs until the benchmark ends. */
export interface BenchProcess {
  child: ChildProcess;
  pid: number;
  kill(): Promise<void>;
}

/** Starts a Parley process from the sources; resolves with the port of its ready line (0 for a worker). */
export async function startParley(
  script: string,
  args: string[],
  env: Record<string, string>,
): Promise<BenchProcess & { port: number }> {
  // BENCH_NODE_OPTIONS=--cpu-prof shows where the time goes.
  const options = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter(Boolean);
  const child = spawn(
    process.execPath,
    [...options, ...loader, path.join(root, script + extension), ...args],
    {
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'test',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: root,
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with ${String(code)}`)));
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      const ready = /\{[^\n]*"msg":"(?:Parley is ready|ready|worker is ready)[^\n]*\}/.exec(text);
      if (!ready) return;
      // What it logs from here on is not looked at: that would be work in the midst of what is measured.
      child.stdout?.off('data', read).resume();
      resolve((JSON.parse(ready[0]) as { port?: number }).port ?? 0);
    };
    child.stdout?.on('data', read);
  });
  return { ...keep(child), port };
}

/** Starts a bare baseline, or a server that stands for a provider: a script beside this one that tells its port. */
export async function startBare(
  name: 'bare-server' | 'bare-path' | 'bare-koa' | 'bare-ws' | 'model-server',
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<BenchProcess & { port: number }> {
  const script = path.join(root, `bench/support/${name}${extension}`);
  const child = fork(script, args, { execArgv: loader, stdio: 'inherit', env: { ...process.env, ...env } });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { ...keep(child), port };
}

/** Keeps a child process from outliving the benchmark. */
export function keep(child: ChildProcess): BenchProcess {
  children.add(child);
  const exited = once(child, 'exit').then(() => children.delete(child));
  return {
    child,
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** CPU that processes have used so far, in microseconds. From /proc: Linux only. */
export function cpuUs(pids: number[]): number {
  const ticksPerSecond = 100;
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
  }, 0);
}

/** Bytes that a process holds in memory. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
