import { expect } from 'chai';
import fc from 'fast-check';
import { type Change, Transcript } from '../../cli/chat/transcript.ts';
import type { Message } from '../../src/contracts/message.ts';
import { shownMessage } from '../support/shown-message.ts';

const SESSION = '019aa000-0000-7000-8000-000000000000';
const QUESTION = '019aa000-0000-7000-8000-000000000001';
const REPLY = '019aa000-0000-7000-8000-000000000002';

describe('the transcript of the chat client', () => {
  it('puts deltas together in order', () => {
    const transcript = withPlaceholder();
    expect(shown(transcript.stream(delta(1, 0, 'Hello')))).to.deep.equal(['append Hello']);
    expect(shown(transcript.stream(delta(1, 5, ' world')))).to.deep.equal(['append  world']);
    expect(
      shown(transcript.update(reply({ attempt: 1, content: 'Hello world', status: 'completed' }))),
    ).to.deep.equal([]);
    expect(shown(transcript.done(done()))).to.deep.equal(['end']);
    expect(textOf(transcript)).to.equal('Hello world');
  });

  it('drops what it has, and takes the rest of a delta that overlaps', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hello'));
    expect(transcript.stream(delta(1, 0, 'Hello'))).to.deep.equal([]);
    expect(transcript.stream(delta(1, 1, 'el'))).to.deep.equal([]);
    expect(shown(transcript.stream(delta(1, 3, 'lo you')))).to.deep.equal(['append  you']);
  });

  it('asks again when something is missing', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hello'));
    expect(shown(transcript.stream(delta(1, 7, 'x')))).to.deep.equal(['gap']);
    expect(shown(transcript.stream(delta(2, 3, 'x')))).to.deep.equal(['gap']);
    expect(textOf(transcript)).to.equal('Hello');
  });

  it('starts over with another attempt, and drops what is left of the one before', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hel'));
    expect(shown(transcript.update(reply({ attempt: 2, content: '', status: 'streaming' })))).to.deep.equal([
      'restart ',
    ]);
    expect(transcript.stream(delta(1, 3, 'lo'))).to.deep.equal([]);
    expect(transcript.update(reply({ attempt: 1, content: 'Hello', status: 'streaming' }))).to.deep.equal([]);
    expect(shown(transcript.stream(delta(2, 0, 'Bye')))).to.deep.equal(['append Bye']);
  });

  it('starts over when the first that it hears of an attempt is its first delta', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hel'));
    expect(shown(transcript.stream(delta(2, 0, 'Bye')))).to.deep.equal(['restart Bye']);
  });

  it('keeps reasoning apart from the text, each with offsets of its own', () => {
    const transcript = withPlaceholder();
    expect(shown(transcript.stream(thought(1, 0, 'Hm, ')))).to.deep.equal(['think Hm, ']);
    expect(shown(transcript.stream(thought(1, 2, ', yes')))).to.deep.equal(['think yes']);
    expect(shown(transcript.stream(delta(1, 0, 'Yes')))).to.deep.equal(['append Yes']);
    expect(transcript.stream(thought(1, 0, 'Hm')), 'again').to.deep.equal([]);
    expect(shown(transcript.stream(thought(1, 9, 'x')))).to.deep.equal(['gap']);
    expect(transcript.get(REPLY)).to.include({ text: 'Yes', reasoning: 'Hm, yes' });
    expect(transcript.have()).to.deep.equal([{ messageId: REPLY, attempt: 1, offset: 3, reasoning: 7 }]);
    const final = reply({ attempt: 1, content: 'Yes.', reasoning: 'Hm, yes?', status: 'completed' });
    expect(shown(transcript.update(final))).to.deep.equal(['think ?', 'append .']);
  });

  it('starts over with the reasoning of another attempt, and is not set back by an older snapshot', () => {
    const transcript = withPlaceholder();
    transcript.stream(thought(1, 0, 'One'));
    transcript.stream(delta(1, 0, 'Hel'));
    expect(shown(transcript.update(reply({ attempt: 2, content: '', status: 'streaming' })))).to.deep.equal([
      'restart ',
    ]);
    expect(shown(transcript.stream(thought(2, 0, 'Two')))).to.deep.equal(['think Two']);
    const older = reply({ attempt: 2, content: '', reasoning: 'T', status: 'streaming' });
    expect(transcript.update(older)).to.deep.equal([]);
    expect(transcript.get(REPLY)).to.include({ text: '', reasoning: 'Two' });
    // The first that is heard of an attempt may be its reasoning.
    expect(shown(transcript.stream(thought(3, 0, 'Three')))).to.deep.equal(['restart ']);
    expect(transcript.get(REPLY)).to.include({ text: '', reasoning: 'Three' });
  });

  it('does not start over what was not shown', () => {
    const transcript = withPlaceholder();
    expect(shown(transcript.update(reply({ attempt: 2, content: 'Hi', status: 'streaming' })))).to.deep.equal(
      ['append Hi'],
    );
  });

  it('goes on from a snapshot of the same attempt, and is not set back by an older one', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hello'));
    expect(transcript.update(reply({ attempt: 1, content: '', status: 'streaming' }))).to.deep.equal([]);
    expect(
      shown(transcript.update(reply({ attempt: 1, content: 'Hello wor', status: 'streaming' }))),
    ).to.deep.equal(['append  wor']);
  });

  it('ends with the final text, whatever was shown', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(2, 0, 'Something'));
    const final = reply({ attempt: 1, content: 'Other', status: 'failed' });
    expect(shown(transcript.update(final))).to.deep.equal(['restart Other']);
    transcript.fail({
      sessionId: SESSION,
      messageId: REPLY,
      error: { code: 'interrupted', message: 'Twice.' },
    });
    const [end] = transcript.done({ ...done(), status: 'failed' });
    expect(end?.entry).to.include({ status: 'failed', text: 'Other' });
    expect(end?.entry.error?.code).to.equal('interrupted');
  });

  it('appends the rest of a final text that goes on from what was shown', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hel'));
    const final = reply({ attempt: 2, content: 'Hello', status: 'completed' });
    expect(shown(transcript.update(final))).to.deep.equal(['append lo']);
  });

  it('takes nothing after the end', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hello'));
    transcript.done(done());
    expect(transcript.stream(delta(1, 5, '!'))).to.deep.equal([]);
    expect(transcript.update(reply({ attempt: 2, content: 'Bye', status: 'completed' }))).to.deep.equal([]);
    expect(transcript.done(done())).to.deep.equal([]);
    expect(textOf(transcript)).to.equal('Hello');
  });

  it('keeps a message that it knows when it is announced again', () => {
    const transcript = withPlaceholder();
    transcript.stream(delta(1, 0, 'Hello'));
    expect(transcript.add(reply({ attempt: 0, content: '', status: 'queued' }))).to.deep.equal([]);
    expect(textOf(transcript)).to.equal('Hello');
  });

  it('ends a message that is deleted, and forgets it', () => {
    const transcript = withPlaceholder();
    expect(shown(transcript.remove(REPLY))).to.deep.equal(['end']);
    expect(transcript.get(REPLY)).to.equal(undefined);
    expect(transcript.remove(REPLY)).to.deep.equal([]);
  });

  describe('tells a join what it has', () => {
    it('of running messages', () => {
      const transcript = withPlaceholder();
      transcript.stream(delta(1, 0, 'Hel'));
      expect(transcript.have()).to.deep.equal([{ messageId: REPLY, attempt: 1, offset: 3 }]);
    });

    it('of the newest message, so that it is sent what came after it', () => {
      const transcript = withPlaceholder();
      transcript.done(done());
      expect(transcript.have()).to.deep.equal([{ messageId: REPLY, attempt: 0, offset: 0, done: true }]);
      expect(new Transcript().have()).to.deep.equal([]);
    });

    it('of no more than one join takes', () => {
      const transcript = new Transcript();
      for (let n = 0; n < 200; n += 1) {
        const id = `019aa000-0000-7000-8000-${String(n).padStart(12, '0')}`;
        transcript.add(reply({ id, status: 'queued' }));
      }
      expect(transcript.have()).to.have.length(100);
      expect(transcript.have().at(-1)?.messageId).to.match(/199$/);
    });
  });

  it('does not wait for what was over when it was read', () => {
    const transcript = new Transcript();
    transcript.restore([question(), reply({ attempt: 1, content: 'Hello', status: 'completed' })]);
    expect(transcript.get(REPLY)).to.include({ ended: true, text: 'Hello' });
    expect(transcript.newest((entry) => entry.role === 'user')?.id).to.equal(QUESTION);
  });

  it('ends with exactly the text, however the deltas are cut, doubled and interrupted', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    const steps = fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 30 });
    fc.assert(
      fc.property(text, text, steps, steps, (first, second, before, after) => {
        const transcript = withPlaceholder();
        const view: string[] = [];
        play(transcript, view, { attempt: 1, text: first, steps: before });
        view.push(...drawn(transcript.update(reply({ attempt: 2, content: '', status: 'streaming' })), view));
        play(transcript, view, { attempt: 2, text: second, steps: after });
        view.push(
          ...drawn(transcript.update(reply({ attempt: 2, content: second, status: 'completed' })), view),
        );
        expect(view.join('')).to.equal(second);
        expect(textOf(transcript)).to.equal(second);
      }),
    );
  });
});

interface Attempt {
  attempt: number;
  text: string;
  /** Where each delta begins and ends. */
  steps: [number, number][];
}

/** Deltas of any part of a text, in any order. */
function play(transcript: Transcript, view: string[], { attempt, text, steps }: Attempt): void {
  for (const [from, to] of steps) {
    const part = text.slice(from, to);
    if (part !== '') view.push(...drawn(transcript.stream(delta(attempt, from, part)), view));
  }
}

/** What a screen adds for the changes; a restart wipes it. */
function drawn(changes: Change[], view: string[]): string[] {
  return changes.flatMap((change) => {
    if (change.type === 'append') return [change.text];
    if (change.type !== 'restart') return [];
    view.length = 0;
    return [change.entry.text];
  });
}

function withPlaceholder(): Transcript {
  const transcript = new Transcript();
  transcript.add(question());
  transcript.add(reply({ attempt: 0, content: '', status: 'queued' }));
  return transcript;
}

const textOf = (transcript: Transcript) => transcript.get(REPLY)?.text;

const shown = (changes: Change[]): string[] =>
  changes.map((change) => {
    if (change.type === 'append') {
      return `${change.part === 'reasoning' ? 'think' : 'append'} ${change.text}`;
    }
    return change.type === 'restart' ? `restart ${change.entry.text}` : change.type;
  });

const delta = (attempt: number, offset: number, text: string) => ({
  sessionId: SESSION,
  messageId: REPLY,
  attempt,
  offset,
  delta: text,
});

const thought = (attempt: number, offset: number, text: string) => ({
  ...delta(attempt, offset, text),
  channel: 'reasoning' as const,
});

const done = () => ({
  sessionId: SESSION,
  messageId: REPLY,
  status: 'completed' as const,
  finishReason: 'stop' as const,
  reasoning: null,
  tries: [],
  omittedParameters: [],
  lane: null,
  toolCalls: [],
  usage: null,
  cost: null,
  credits: 0,
});

function reply(differing: Partial<Message>): Message {
  return { ...question(), id: REPLY, role: 'assistant', model: 'echo', completedAt: null, ...differing };
}

const question = (): Message => shownMessage({ id: QUESTION, sessionId: SESSION, content: 'Say it' });
