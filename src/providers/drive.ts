import { eventStreamOf } from './event-stream.ts';
import type { ProviderEvent } from './provider.ts';

/** What a stream is driven into. */
export interface DrivenReader {
  /** Takes the next event. A promise: nothing more is read until it resolves. */
  take(event: ProviderEvent): Promise<void> | undefined;
  /** Whether it leaves, which ends the stream: it is asked before each event is read. */
  leaves?(): boolean;
}

/**
 * Reads a stream to its end, as `for await` does: each event is taken in the moment in which the stream has it, with no
 * promise in between where the stream is of ours and the reader is ready. What comes while the reader is busy waits in
 * the stream. Resolves when the stream is over and nothing is being taken any more; rejects with what `take` throws, and
 * the stream has ended then.
 */
export function drive(events: AsyncIterable<ProviderEvent>, reader: DrivenReader): Promise<void> {
  const stream = eventStreamOf(() => events);
  return new Promise((resolve, reject) => {
    let asking = false;
    let answered = false;

    const fail = (thrown: unknown): void => {
      stream.stop();
      reject(thrown);
    };
    const take = (event: ProviderEvent): void => {
      try {
        const taken = reader.take(event);
        if (taken === undefined) readOn();
        else taken.then(readOn, fail);
      } catch (thrown) {
        fail(thrown);
      }
    };
    const answer = (event: ProviderEvent | undefined): void => {
      if (event) take(event);
      else resolve();
    };
    /** Answers that come at once are a loop here: as a recursion they would be as deep as the stream has events. */
    const readOn = (): void => {
      answered = true;
      if (asking) return;
      asking = true;
      while (answered && !leaves()) {
        answered = false;
        stream.ask(answer);
      }
      asking = false;
    };
    const leaves = (): boolean => {
      if (!reader.leaves?.()) return false;
      stream.stop();
      resolve();
      return true;
    };
    readOn();
  });
}
