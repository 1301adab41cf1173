import { execFile } from 'node:child_process';
import { expect } from 'chai';
import { builtScript } from '../support/processes.ts';

describe('a program that is told what it does not know', function () {
  this.timeout(60_000);

  for (const [source, args] of [
    ['cli/migrate.ts', ['--help']],
    ['cli/migrate.ts', ['down']],
    ['src/server.ts', ['worker']],
    ['src/server.ts', ['web', 'worker']],
  ] as const) {
    it(`does nothing but say what it takes: ${source} ${args.join(' ')}`, async () => {
      const { code, said } = await run(await builtScript(source), args);
      expect(code).to.equal(1);
      expect(said).to.match(/takes no arguments|Usage: server\.js \[web\]/);
    });
  }
});

function run(script: string, args: readonly string[]): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    // Nowhere: what is done all the same fails in another way.
    const env = { PATH: process.env.PATH, DATABASE_URL: 'postgres://127.0.0.1:9/none', PORT: '0' };
    const child = execFile(
      process.execPath,
      [script, ...args],
      { env, timeout: 30_000 },
      (_error, out, err) => resolve({ code: child.exitCode, said: out + err }),
    );
  });
}
