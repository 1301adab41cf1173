import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { Have } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import { CatchingUp } from '../../src/realtime/catching-up.ts';
import { MessagePositions } from '../../src/realtime/message-positions.ts';
import type { RoomFrame } from '../../src/realtime/room-frame.ts';
import type { LiveMessages } from '../../src/services/live-messages.ts';

describe('catching up', () => {
  it('sends a message whole of which something was dropped on the way to the client while others were sent', async () => {
    const sessionId = newId();
    const [first, second] = [running('Hello'), running('Why not?')];
    const outbox = { hasRoom: true, overflowed: false, idle: async () => {}, send: () => {} };
    const positions = new MessagePositions();
    const sent: RoomFrame[] = [];
    const messages = {
      running: async () => [first, second],
      current: async (_: string, ids: string[]) => [first, second].filter(({ id }) => ids.includes(id)),
      oldest: async () => ({ read: [], left: [] }),
    } as unknown as LiveMessages;
    const catchingUp = new CatchingUp({
      sessionId,
      messages,
      outbox,
      positions,
      send(frame) {
        sent.push(frame);
        if (sent.length > 1) return;
        // It was too much, and the last delta of the second, of which the client was to have all, goes with it.
        Object.assign(outbox, { hasRoom: false, overflowed: true });
        positions.forget(second.id);
        catchingUp.missed(second.id, 'message:stream');
      },
    });
    const have: Have[] = [
      { messageId: first.id, attempt: 1, offset: 2 },
      { messageId: second.id, attempt: 1, offset: second.content.length },
    ];
    positions.claim(have);
    await catchingUp.sendMissing(have, undefined);
    expect(sent.map(({ event }) => event)).to.deep.equal(['message:stream']);

    Object.assign(outbox, { hasRoom: true, overflowed: false });
    await catchingUp.readStale();
    const again = sent.slice(1).map(({ event, payload }) => [event, (payload as Message).content]);
    expect(again).to.deep.equal([['message:update', 'Why not?']]);
  });

  function running(content: string): Message {
    return {
      id: newId(),
      role: 'assistant',
      model: 'echo',
      status: 'streaming',
      attempt: 1,
      content,
    } as Message;
  }
});
