import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import type { Session } from '../../src/contracts/session.ts';
import { useTestDatabase } from '../support/database.ts';
import { signUp } from '../support/test-user.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

describe('models that the configuration names and that cannot be asked', () => {
  const database = useTestDatabase();
  const lines: { level: number; msg: string; variable?: string }[] = [];
  let app: WholeApp;

  before(async () => {
    const destination = { write: (line: string) => lines.push(JSON.parse(line)) };
    app = await startWholeApp(database(), {
      without: 'worker',
      log: createLogger({ level: 'warn', pretty: false, destination }),
      // A local server, whose list nobody has read yet.
      env: { DEFAULT_MODEL: 'openai/gone', TITLE_MODEL: 'lost', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
    });
  });
  after(() => app.close());

  it('are warned of at the start by the name of the variable, and of nothing else', () => {
    expect(lines.map(({ variable }) => variable)).to.deep.equal(['DEFAULT_MODEL', 'TITLE_MODEL']);
    expect(lines[0]?.msg).to.match(
      /^DEFAULT_MODEL: "openai\/gone" is not a model of this server; .*Until it is, /,
    );
    expect(lines[1]?.msg).to.match(/^TITLE_MODEL: "lost" is not a model of this server; .*Until it is, /);
  });

  for (const [path, body, field] of [
    ['/sessions', {}, 'body.model'],
    ['/chat', { message: 'Hi' }, 'body.modelId'],
    ['/ai/enhance', { text: 'Hi', action: 'improve' }, 'body.model'],
  ] as const) {
    it(`are named as the server's where POST ${path} names none`, async () => {
      const problem = await app.admin.refused('model_not_available', ['POST', path, body], [field]);
      expect(problem.detail).to.include(
        `${field}: must be named: the default of this server (DEFAULT_MODEL), "openai/gone", is not a model`,
      );
    });
  }

  it('are replaced for whoever reaches free models only', async () => {
    const client = (await signUp(app)).at(app);
    expect((await client.post<Session>('/sessions', {})).model).to.equal('echo');
  });
});
