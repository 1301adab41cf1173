import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { ContextMessage } from '../../src/data/repositories/messages.ts';
import type { ChatTurn } from '../../src/providers/provider.ts';
import { buildContext } from '../../src/services/build-context.ts';

function message(
  role: ContextMessage['role'],
  content: string,
  parentId: string | null = null,
): ContextMessage {
  return { id: newId(), parentId, role, content, model: null };
}

const user = (content: string) => message('user', content);

function reply(question: ContextMessage, content: string, model = 'a/one'): ContextMessage {
  return { ...message('assistant', content, question.id), model };
}

/** The turns for `a/one`; `history` is given oldest first, as it was written. */
function context(
  history: ContextMessage[],
  options: { systemPrompt?: string; model?: string } = {},
): string[] {
  const { model = 'a/one', ...settings } = options;
  const turns = buildContext({ settings, model, question: user('now'), history: history.toReversed() });
  return turns.map(({ role, content }: ChatTurn) => `${role}: ${content}`);
}

describe('buildContext', () => {
  it('is the question alone when nothing stands before it', () => {
    expect(context([])).to.deep.equal(['user: now']);
  });

  it('gives the history in the order in which it was written, the question last', () => {
    const [one, two] = [user('one'), user('two')];
    const history = [one, reply(one, 'first'), two, reply(two, 'second')];
    expect(context(history)).to.deep.equal([
      'user: one',
      'assistant: first',
      'user: two',
      'assistant: second',
      'user: now',
    ]);
  });

  describe('the system prompt', () => {
    it('stands before everything', () => {
      const one = user('one');
      expect(context([one, reply(one, 'first')], { systemPrompt: ' Be brief. ' })).to.deep.equal([
        'system: Be brief.',
        'user: one',
        'assistant: first',
        'user: now',
      ]);
    });

    it('is left out when it is blank', () => {
      expect(context([], { systemPrompt: ' \n' })).to.deep.equal(['user: now']);
    });
  });

  describe('of several replies to one message', () => {
    const one = user('one');
    const two = user('two');

    it("is the model's own", () => {
      const history = [one, reply(one, 'mine'), reply(one, 'theirs', 'b/two')];
      expect(context(history)).to.deep.equal(['user: one', 'assistant: mine', 'user: now']);
      expect(context(history, { model: 'b/two' })[1]).to.equal('assistant: theirs');
    });

    it('is the newest of its own', () => {
      const history = [one, reply(one, 'mine'), reply(one, 'mine again'), reply(one, 'theirs', 'b/two')];
      expect(context(history)).to.deep.equal(['user: one', 'assistant: mine again', 'user: now']);
    });

    it('is the newest of any where it has none', () => {
      const history = [one, reply(one, 'theirs', 'b/two'), reply(one, 'others', 'c/three')];
      expect(context(history)).to.deep.equal(['user: one', 'assistant: others', 'user: now']);
    });

    it('is none that is empty, as the failed and the running are', () => {
      const history = [one, reply(one, 'theirs', 'b/two'), reply(one, '')];
      expect(context(history)).to.deep.equal(['user: one', 'assistant: theirs', 'user: now']);
    });

    it('stands behind its question, though it was written again after the next one', () => {
      const history = [one, reply(one, 'first'), two, reply(two, 'second'), reply(one, 'first again')];
      expect(context(history)).to.deep.equal([
        'user: one',
        'assistant: first again',
        'user: two',
        'assistant: second',
        'user: now',
      ]);
    });

    it('is chosen for every message by itself', () => {
      const history = [one, reply(one, 'mine'), two, reply(two, 'theirs', 'b/two')];
      expect(context(history)).to.deep.equal([
        'user: one',
        'assistant: mine',
        'user: two',
        'assistant: theirs',
        'user: now',
      ]);
    });
  });

  it('keeps every text that was posted for the assistant', () => {
    const one = user('one');
    const history = [one, message('assistant', 'kept', one.id), message('assistant', 'this, too', one.id)];
    expect(context(history)).to.deep.equal([
      'user: one',
      'assistant: kept',
      'assistant: this, too',
      'user: now',
    ]);
  });

  it("begins with a turn of the user's, though the oldest message is a reply", () => {
    const gone = user('deleted');
    const one = user('one');
    const history = [message('assistant', 'Welcome.'), reply(gone, 'orphan'), one, reply(one, 'first')];
    expect(context(history)).to.deep.equal(['user: one', 'assistant: first', 'user: now']);
    expect(context(history.slice(0, 2))).to.deep.equal(['user: now']);
  });

  describe('the budget of 200,000 characters', () => {
    const half = 'x'.repeat(100_000);

    it('takes what fits to the character', () => {
      const one = user(half);
      expect(context([one, reply(one, half)])).to.deep.equal([
        `user: ${half}`,
        `assistant: ${half}`,
        'user: now',
      ]);
    });

    it('drops the oldest, and then what would stand first without its question', () => {
      const [one, two] = [user(`${half}!`), user('two')];
      const history = [one, reply(one, half), two, reply(two, 'second')];
      expect(context(history)).to.deep.equal(['user: two', 'assistant: second', 'user: now']);
    });

    it('leaves no gap: what is older than a message that does not fit goes, too', () => {
      const [one, two, three] = [user('one'), user('y'.repeat(200_001)), user('three')];
      const history = [one, two, three, reply(three, 'third')];
      expect(context(history)).to.deep.equal(['user: three', 'assistant: third', 'user: now']);
    });

    it('is not spent on replies that are not given', () => {
      const one = user('one');
      const history = [one, reply(one, 'mine'), reply(one, half, 'b/two'), reply(one, `${half}!`, 'b/two')];
      expect(context(history)).to.deep.equal(['user: one', 'assistant: mine', 'user: now']);
    });

    it('counts neither the question nor the system prompt', () => {
      const turns = buildContext({
        settings: { systemPrompt: half },
        model: 'a/one',
        question: user('z'.repeat(300_000)),
        history: [user('one')],
      });
      expect(turns.map(({ role }) => role)).to.deep.equal(['system', 'user', 'user']);
    });
  });
});
