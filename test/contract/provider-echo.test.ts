import { expect } from 'chai';
import type { ChatTurn } from '../../src/contracts/prompt.ts';
import { createEchoProvider } from '../../src/providers/echo.ts';
import { guardProvider } from '../../src/providers/guard-provider.ts';
import type { ProviderRequest } from '../../src/providers/provider.ts';
import { ask, collect, PATIENT, readToEnd, readToFirstText, textOf } from '../support/provider-subjects.ts';

const TURNS: ChatTurn[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One' },
  { role: 'assistant', content: 'Two' },
  { role: 'user', content: 'Three' },
];

describe('what echo answers', () => {
  const answer = async (request: ProviderRequest, tokensPerSecond = 1000) =>
    collect(guardProvider(createEchoProvider({ tokensPerSecond }), PATIENT), request);

  it('is the last user turn, word by word, with words as tokens', async () => {
    const turns: ChatTurn[] = [...TURNS, { role: 'user', content: '  two\twords \n' }];
    const events = await answer({ model: 'echo', turns }, 20);
    expect(events).to.deep.equal([
      { type: 'start' },
      { type: 'text', text: '  two\t' },
      { type: 'text', text: 'words \n' },
      { type: 'usage', usage: { inputTokens: 7, outputTokens: 2 } },
      { type: 'finish', reason: 'stop' },
    ]);
  });

  it('is nothing for nothing and white space for white space', async () => {
    expect((await answer(ask(''))).map((event) => event.type)).to.deep.equal(['start', 'usage', 'finish']);
    const events = await answer(ask(' \n '));
    expect(textOf(events)).to.equal(' \n ');
    expect(events).to.deep.include({ type: 'usage', usage: { inputTokens: 0, outputTokens: 0 } });
  });

  it('stops at the limit', async () => {
    const events = await answer({ ...ask('one two three'), maxTokens: 2 });
    expect(textOf(events)).to.equal('one two ');
    expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'length' });
  });

  it('keeps its speed, and the first word comes at once', async () => {
    let turns = 0;
    setImmediate(() => (turns += 1));
    const started = performance.now();
    const iterator = await readToFirstText(
      createEchoProvider({ tokensPerSecond: 50 }),
      ask('word '.repeat(21)),
      new AbortController().signal,
    );
    expect(turns, 'turns of the event loop before the first word').to.equal(0);
    // On a busy machine this timer is as late as the words are, and they come before it all the same.
    let late = false;
    const timer = setTimeout(() => (late = true), 600);
    await readToEnd(iterator);
    clearTimeout(timer);
    expect(late, '20 words after the first at 50 a second').to.equal(false);
    expect(performance.now() - started).to.be.at.least(395);
  });
});
