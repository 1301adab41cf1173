import type { ReadEvent } from './sse-reader.ts';

interface Copy {
  attempt: number;
  text: string;
  /** How often it started over. */
  restarts: number;
  // biome-ignore lint/suspicious/noExplicitAny: what `done` carries is up to the stream.
  done?: any;
}

/** What a careful client makes of the streams of the playground and of chats: it notes whatever the contract forbids. */
export class ReplyTexts {
  readonly copies = new Map<string, Copy>();
  readonly faults: string[] = [];

  take({ event, data }: ReadEvent): void {
    if (!['delta', 'restart', 'done'].includes(event)) return;
    const id: string = data.messageId ?? data.reply.id;
    const copy = this.copies.get(id) ?? { attempt: 0, text: '', restarts: 0 };
    this.copies.set(id, copy);
    if (copy.done) this.faults.push(`${event} of ${id} after its end`);
    if (event === 'done') {
      copy.done = data;
      const text = data.text ?? data.reply.content;
      if (copy.text !== text)
        this.faults.push(`${id} has ${copy.text.length} characters, not ${text.length}`);
    } else if (event === 'restart') {
      if (copy.text === '') this.faults.push(`${id} starts over with nothing`);
      Object.assign(copy, { text: '', attempt: data.attempt, restarts: copy.restarts + 1 });
    } else if (!data.channel) {
      if (copy.text !== '' && copy.attempt !== data.attempt)
        this.faults.push(`${id}: attempt ${data.attempt} without a restart`);
      if (data.offset !== copy.text.length)
        this.faults.push(`${id} has ${copy.text.length}, then comes ${data.offset}`);
      copy.attempt = data.attempt;
      copy.text += data.text;
    }
  }

  /** Characters of all texts. */
  get received(): number {
    return [...this.copies.values()].reduce((sum, { text }) => sum + text.length, 0);
  }
}
