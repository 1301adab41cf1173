import { expect } from 'chai';
import { ChatClient } from './chat-client.ts';
import type { Cluster } from './cluster.ts';
import { EventStreamClient } from './event-stream-client.ts';
import type { Following } from './following.ts';
import { expectInvariants, expectSameEverywhere } from './invariants.ts';
import { signUp, type TestUser } from './test-user.ts';

/** A user in one session with three devices: a socket on either web process, an event stream on the second. */
export class Room {
  readonly cluster: Cluster;
  readonly user: TestUser;
  readonly sessionId: string;
  readonly here: ChatClient;
  readonly there: ChatClient;
  readonly stream: EventStreamClient;
  /** What was asked, by the id of its reply: `echo` answers with the same. */
  readonly asked = new Map<string, string>();

  private constructor(cluster: Cluster, user: TestUser, sessionId: string) {
    this.cluster = cluster;
    this.user = user;
    this.sessionId = sessionId;
    this.here = new ChatClient(user);
    this.there = new ChatClient(user);
    this.stream = new EventStreamClient(user);
  }

  /** Opens it in a cluster of two web processes. */
  static async open(cluster: Cluster): Promise<Room> {
    const user = await signUp(cluster.web(0));
    const { id } = await user.at(cluster.web(0)).newSession();
    const room = new Room(cluster, user, id);
    await Promise.all([room.here.connect(cluster.web(0)), room.there.connect(cluster.web(1))]);
    await Promise.all([room.here.join(id), room.there.join(id), room.stream.open(cluster.web(1), id)]);
    return room;
  }

  get devices(): Following[] {
    return [this.here, this.there, this.stream];
  }

  /** Asks, over the web process of that number; answers the id of the reply. */
  async ask(text: string, web = 0): Promise<string> {
    const { replies } = await this.user.at(this.cluster.web(web)).say(this.sessionId, text);
    const reply = replies[0]?.id ?? '';
    this.asked.set(reply, text);
    return reply;
  }

  /** Waits until every reply has ended on every device, and expects it complete, exact, and paid for once. */
  async expectAll(timeoutMs: number, devices = this.devices): Promise<void> {
    const ids = [...this.asked.keys()];
    await Promise.all(devices.map((device) => device.done(ids, timeoutMs)));
    await expectSameEverywhere(this.cluster.database, devices, ids);
    for (const [id, text] of this.asked) {
      for (const { transcript } of devices) {
        expect(transcript.copies.get(id)?.message.status).to.equal('completed');
        expect(transcript.text(id) === text, `the text of ${id}`).to.equal(true);
      }
    }
    await expectInvariants(this.cluster.database);
  }

  /** Cuts every device off. */
  close(): void {
    this.here.cut();
    this.there.cut();
    this.stream.cut();
  }
}

/** Gives each test of this `describe` a room of its own. */
export function useRoom(cluster: () => Cluster): () => Room {
  let room: Room | undefined;
  beforeEach(async () => {
    room = await Room.open(cluster());
  });
  afterEach(() => room?.close());
  return () => {
    if (!room) throw new Error('The room opens in a beforeEach hook; it is not open yet.');
    return room;
  };
}
