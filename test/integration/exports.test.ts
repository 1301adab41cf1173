import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { exportRoutes } from '../../src/http/routes/exports.ts';
import type { SessionExport } from '../../src/presenters/export-json.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog } from '../support/global.ts';
import { startTestApp } from '../support/http-app.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { seedMessages, seedOutcome } from '../support/seed-messages.ts';
import { shownMessage } from '../support/shown-message.ts';

interface JsonExport {
  exportedAt: string;
  session: Session;
  messages: Message[];
}

describe('exports', () => {
  const database = useTestDatabase();
  let app: RestApp;
  let ann: RestClient;

  before(async () => {
    app = await startRestApp(database());
    ann = await app.signUp();
  });
  after(() => app.close());

  const asJson = ({ id }: Session) => ann.get<JsonExport>(`/sessions/${id}/export.json`);
  const asMarkdown = async ({ id }: Session) => (await ann.send('GET', `/sessions/${id}/export.md`)).text();

  describe('as JSON', () => {
    it('of a session without messages are valid', async () => {
      const session = await ann.newSession({ title: 'Nothing said' });
      const { exportedAt, ...exported } = await asJson(session);
      expect(exported).to.deep.equal({ session, messages: [] });
      expect(new Date(exportedAt).toISOString()).to.equal(exportedAt);
    });

    it('hold every message once, oldest first, over many pages', async () => {
      for (const count of [199, 200, 201, 1_250]) {
        const session = await ann.newSession();
        const ids = await seedMessages(database().db, { userId: ann.userId, sessionId: session.id, count });
        const { messages } = await asJson(session);
        expect(messages.map((message) => message.id)).to.deep.equal(ids);
      }
    });

    it('show messages as the list does, whatever stands in them', async () => {
      const session = await ann.newSession();
      for (const content of ['"quotes" \\ and \u2028', ']}', 'emoji 🎉', '\t\u0001'])
        await ann.say(session.id, content);
      const { messages } = await asJson(session);
      const { data } = await ann.get<Listed<Message>>(`/messages/${session.id}`);
      expect(messages).to.deep.equal(data.reverse());
    });

    it('come as a file', async () => {
      const { id } = await ann.newSession({ title: 'Plans' });
      const answer = await ann.send('GET', `/sessions/${id}/export.json`);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
      expect(answer.headers.get('content-disposition')).to.equal('attachment; filename="Plans.json"');
      await answer.text();
    });
  });

  describe('as Markdown', () => {
    it('of a session without messages are its heading', async () => {
      const session = await ann.newSession({ title: 'Nothing *said*' });
      const lines = (await asMarkdown(session)).split('\n');
      expect(lines[0]).to.equal('# Nothing \\*said\\*');
      expect(lines.filter((line) => line.startsWith('#'))).to.have.length(1);
      expect(await asMarkdown(await ann.newSession())).to.match(/^# Untitled session\n/);
    });

    it('give each message a heading, and its content as it is', async () => {
      const session = await ann.newSession();
      const content = '# not a title\n\n* one\n* two\n\n    code  \n\n```js\nlet a = "<b>";\n```';
      const { message, replies } = await ann.say(session.id, content);
      await seedOutcome(database().db, replies[0]?.id ?? '', { status: 'completed', content: 'Fine.' });
      const text = await asMarkdown(session);
      expect(text).to.contain(`\n## User · ${message.createdAt}\n\n${content}\n`);
      expect(text).to.match(new RegExp(`\n## Assistant · echo · ${replies[0]?.createdAt}\n\nFine\\.\n$`));
    });

    it('mark what failed, was cancelled, or is still being written', async () => {
      const session = await ann.newSession();
      const write = async (outcome: Parameters<typeof seedOutcome>[2]) => {
        const { replies } = await ann.say(session.id, 'go on');
        await seedOutcome(database().db, replies[0]?.id ?? '', outcome);
        return replies[0]?.id ?? '';
      };
      const errorMessage = 'The provider\nbroke *off*.';
      await write({ status: 'failed', content: 'Half', errorCode: 'interrupted', errorMessage });
      await write({ status: 'cancelled', content: 'A third' });
      const messageId = await write({ status: 'streaming' });
      const live = app.feed.live.open({ sessionId: session.id, messageId, attempt: 1 });
      await live.append({ offset: 0, text: 'So far', whole: () => 'So far' });

      const text = await asMarkdown(session);
      expect(text).to.contain('\n> **Failed** (interrupted): The provider broke \\*off\\*.\n\nHalf\n');
      expect(text).to.contain('\n> **Cancelled** before it was complete\n\nA third\n');
      expect(text).to.contain('\n> **Still being written** when this was exported\n\nSo far\n');
      expect((await asJson(session)).messages.at(-1)).to.include({ status: 'streaming', content: 'So far' });
    });

    it('end a code block that a reply leaves open, so that what follows is not code', async () => {
      const session = await ann.newSession();
      const { replies } = await ann.say(session.id, 'write code');
      await seedOutcome(database().db, replies[0]?.id ?? '', {
        status: 'cancelled',
        content: '````js\nlet a',
      });
      await ann.say(session.id, 'thanks');
      expect(await asMarkdown(session)).to.match(/\n````js\nlet a\n````\n\n## User · [^\n]+\n\nthanks\n/);
    });

    it('hold every message over many pages', async () => {
      const session = await ann.newSession();
      const ids = await seedMessages(database().db, {
        userId: ann.userId,
        sessionId: session.id,
        count: 1_001,
      });
      const found = [...(await asMarkdown(session)).matchAll(/^Message (\S+)$/gm)].map((match) => match[1]);
      expect(found).to.deep.equal(ids);
    });

    it('come as a file', async () => {
      const { id } = await ann.newSession({ title: 'Plans' });
      const answer = await ann.send('GET', `/sessions/${id}/export.md`);
      expect(answer.headers.get('content-type')).to.equal('text/markdown; charset=utf-8');
      expect(answer.headers.get('content-disposition')).to.equal('attachment; filename="Plans.md"');
      await answer.text();
    });
  });

  describe('of a session with a hostile title', () => {
    const titles: [title: string | null, fileName: string][] = [
      [null, 'session.json'],
      ['', 'session.json'],
      [' . ', 'session.json'],
      ['../../etc/passwd', 'etc passwd.json'],
      ['C:\\temp\\a.exe', 'C temp a.exe.json'],
      ['a"; filename="evil.exe', 'a ; filename= evil.exe.json'],
      ['x\r\nSet-Cookie: evil=1\r\n\r\n<html>', 'x Set-Cookie evil=1 html.json'],
      ['Maß für 日本語 🎉', 'Maß für 日本語 🎉.json'],
      ['\u202Egnp.exe', 'gnp.exe.json'],
      ['nul', '_nul.json'],
      ['%2e%2e%2fa', '%2e%2e%2fa.json'],
      ['x'.repeat(5_000), `${'x'.repeat(60)}.json`],
      ['🎉'.repeat(100), `${'🎉'.repeat(60)}.json`],
    ];
    for (const [title, fileName] of titles) {
      it(`have a harmless file name: ${JSON.stringify(title)?.slice(0, 40)}`, async () => {
        const { id } = await ann.newSession();
        await rows(database().db, 'UPDATE sessions SET title = $2 WHERE id = $1', [id, title]);
        const answer = await ann.send('GET', `/sessions/${id}/export.json`);
        expect(answer.status).to.equal(200);
        expect(answer.headers.get('set-cookie')).to.equal(null);
        expect(fileNameIn(answer.headers.get('content-disposition') ?? '')).to.equal(fileName);
        expect(((await answer.json()) as JsonExport).session.title).to.equal(title);
        const markdown = await asMarkdown({ id } as Session);
        expect(markdown.split('\n').filter((line) => line.startsWith('#'))).to.have.length(1);
      });
    }
  });

  describe('of a session that does not end', () => {
    it('are read no further than the client takes them, and no more when it goes away', async () => {
      let given = 0;
      let ended: () => void = () => {};
      const end = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const { url, headers, close } = await serve(async function* () {
        try {
          for (; ; given++) {
            await new Promise(setImmediate);
            yield shownMessage({ content: 'x'.repeat(10_000) });
          }
        } finally {
          ended();
        }
      });
      const leave = new AbortController();
      const answer = await fetch(`${url}/sessions/${newId()}/export.json`, { headers, signal: leave.signal });
      await answer.body?.getReader().read();
      leave.abort();
      await end;
      // What the buffers of two sockets hold: some megabytes.
      expect(given).to.be.within(1, 2_000);
      await close();
    });

    it('are cut off, not ended, when reading them fails', async () => {
      const { url, headers, close } = await serve(async function* () {
        for (let n = 0; n < 10; n++) yield shownMessage({ content: 'x'.repeat(10_000) });
        throw new Error('the database went away');
      });
      for (const format of ['json', 'md']) {
        const answer = await fetch(`${url}/sessions/${newId()}/export.${format}`, { headers });
        expect(answer.status).to.equal(200);
        const cut = await answer.text().then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(cut).to.be.instanceOf(TypeError);
      }
      await close();
    });
  });

  /** The routes alone, over messages of the test's own. */
  async function serve(messages: () => AsyncIterable<Message>) {
    const session = await ann.newSession();
    const exportSession = async (): Promise<SessionExport> => ({
      session,
      exportedAt: new Date(0).toISOString(),
      messages: messages(),
    });
    const { url, signUp, close } = await startTestApp({
      database: database(),
      routes: [exportRoutes({ exportSession, log: silentLog })],
    });
    const { accessToken } = await signUp();
    return { url, headers: { authorization: `Bearer ${accessToken}` }, close };
  }
});

/** The name that a browser takes: `filename*` before `filename`. */
function fileNameIn(disposition: string): string | undefined {
  const extended = /filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1];
  const plain = /filename="((?:[^"\\]|\\.)*)"/.exec(disposition)?.[1];
  expect(plain, 'the name for old clients').to.match(/^[\x20-\x7e]+$/);
  return extended === undefined ? plain : decodeURIComponent(extended);
}
