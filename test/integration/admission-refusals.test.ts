import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { ErrorCode, Problem } from '../../src/contracts/errors.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { expectNothingWritten } from '../support/written.ts';

/** One reason not to admit a question of 102 tokens: how it comes about, what is told, and how it passes. */
interface Reason {
  code: ErrorCode;
  status: number;
  begin: string;
  end: string;
  detail: RegExp;
  /** Seconds; undefined: waiting does not help. */
  retryAfter?: [least: number, most: number];
}

const REASONS: Reason[] = [
  {
    code: 'insufficient_credits',
    status: 402,
    begin: 'UPDATE accounts SET balance = held + 1 WHERE user_id = $1 RETURNING 1',
    end: 'UPDATE accounts SET balance = 100 WHERE user_id = $1 RETURNING 1',
    detail: /^This needs about 1\.0\d credits, and 1 are available\.$/,
  },
  {
    code: 'usage_limit_reached',
    status: 429,
    begin: `UPDATE users SET usage_limits = '{"dailyRequests": 0}' WHERE id = $1 RETURNING 1`,
    end: `UPDATE users SET usage_limits = '{}' WHERE id = $1 RETURNING 1`,
    detail:
      /^Your account may have 0 replies a day; 0 are left, and this needs 1\. It begins anew at .* UTC\.$/,
    retryAfter: [1, 86_400],
  },
  {
    code: 'too_many_generations',
    status: 429,
    begin: 'UPDATE accounts SET running = running + 5 WHERE user_id = $1 RETURNING 1',
    end: 'UPDATE accounts SET running = running - 5 WHERE user_id = $1 RETURNING 1',
    detail: /^[56] replies are being written for you, and at most 5 may be at once\./,
    retryAfter: [5, 5],
  },
];

describe('what is not admitted', () => {
  const database = useTestDatabase();
  let app: WebApp;

  before(async () => {
    const env = {
      RATE_LIMITS: 'off',
      MAX_CONCURRENT_GENERATIONS: '5',
      WELCOME_CREDITS: '100',
      DEFAULT_MODEL: 'echo',
    };
    app = await startWebApp(database(), env);
  });
  after(() => app.close());

  for (const reason of REASONS) {
    const { code, status, detail, retryAfter } = reason;
    describe(`because of ${code}`, () => {
      let user: TestUser;
      let client: RestClient;
      let sessionId: string;

      beforeEach(async () => {
        user = await signUp(app);
        client = user.at(app);
        sessionId = (await client.newSession()).id;
      });

      const apply = (sql: string) => rows(database().db, sql, [user.id]);
      const inSession = () => client.get<{ data: unknown[] }>(`/messages/${sessionId}`);

      /** Its status, code, sentence and `Retry-After`. */
      async function expectRefused(answer: Response): Promise<Problem> {
        const retry = answer.headers.get('retry-after');
        const problem = await expectProblem(answer, code);
        expect(answer.status).to.equal(status);
        expect(problem.detail).to.match(detail);
        if (!retryAfter) expect(retry).to.equal(null);
        else {
          expect(retry).to.match(/^\d+$/);
          expect(Number(retry)).to.be.within(...retryAfter);
        }
        return problem;
      }

      it('is answered with a problem, and may be repeated with its key when it is over', async () => {
        await apply(reason.begin);
        const init = { headers: { 'idempotency-key': newId() } };
        const body = { sessionId, content: 'Why?' };
        const post = () => client.send('POST', '/messages', body, init);
        await expectNothingWritten(database(), user.id, async () => {
          await expectRefused(await post());
          await expectRefused(await post());
        });
        await apply(reason.end);
        const admitted = await post();
        expect(admitted.status).to.equal(201);
        await apply(reason.begin);
        expect(await (await post()).json(), 'the first answer, whatever holds now').to.deep.equal(
          await admitted.json(),
        );
        expect((await inSession()).data).to.have.length(2);
      });

      it('is answered so when a reply is to be written again', async () => {
        const { replies } = await client.say(sessionId, 'Why?');
        await apply(reason.begin);
        const path = `/messages/${replies[0]?.id}/regenerate`;
        await expectNothingWritten(database(), user.id, async () => {
          await expectRefused(await client.send('POST', path, {}));
        });
        await apply(reason.end);
        expect((await client.post<SendMessageAnswer>(path, {})).replies).to.have.length(1);
      });

      it('is acknowledged with the same problem over a socket', async () => {
        await apply(reason.begin);
        const socket = await ChatClient.joined(user, app, sessionId);
        const body = { sessionId, content: 'Why?', role: 'user' as const };
        const send = () => socket.send(body);
        await expectNothingWritten(database(), user.id, async () => {
          const { data } = await send().then(
            () => ({ data: undefined }),
            (error: { data?: Partial<Problem> }) => error,
          );
          const { requestId: _http, ...told } = await expectRefused(
            await client.send('POST', '/messages', body),
          );
          const { requestId: _socket, ...acknowledged } = data ?? {};
          // The wait is counted from each answer on.
          const { retryAfterSeconds: waitOnSocket = 0, ...rest } = acknowledged;
          const { retryAfterSeconds: wait = 0, ...restTold } = told;
          expect(rest).to.deep.equal(restTold);
          expect(waitOnSocket).to.be.closeTo(wait, 5);
        });
        expect(socket.transcript.heard).to.deep.equal([]);
        await apply(reason.end);
        expect((await send()).replies).to.have.length(1);
        socket.cut();
      });

      it('is answered with a problem where a stream was to begin', async () => {
        await apply(reason.begin);
        const path = `/sse/sessions/${sessionId}/stream?prompt=Why%3F&clientMessageId=${newId()}`;
        await expectNothingWritten(database(), user.id, async () => {
          await expectRefused(await client.send('GET', path));
        });
        await apply(reason.end);
        const stop = new AbortController();
        const stream = await client.send('GET', path, undefined, { signal: stop.signal });
        expect(stream.headers.get('content-type')).to.match(/^text\/event-stream/);
        stop.abort();
        expect((await inSession()).data).to.have.length(2);
      });
    });
  }
});
