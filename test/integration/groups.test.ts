import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { sessionRoom } from '../../src/contracts/events.ts';
import type { Group } from '../../src/contracts/routes/groups.ts';
import type { Session } from '../../src/contracts/session.ts';
import { type Database, rows } from '../../src/data/database.ts';
import { lockOwnedGroup } from '../../src/data/repositories/groups.ts';
import { updateSession } from '../../src/data/repositories/sessions.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { changedAMinuteAgo } from '../support/changed-ago.ts';
import { useTestDatabase } from '../support/database.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { until } from '../support/until.ts';

describe('groups', () => {
  const database = useTestDatabase();
  let app: RestApp;
  let ann: RestClient;
  let bob: RestClient;

  before(async () => {
    app = await startRestApp(database());
    [ann, bob] = [await app.signUp(), await app.signUp()];
  });
  after(() => app.close());

  it('are made, listed newest first, renamed', async () => {
    const work = await ann.newGroup('  Work ');
    expect(work.name).to.equal('Work');
    const play = await ann.newGroup('Play');
    expect((await ann.get<Listed<Group>>('/groups')).data.map((group) => group.id)).to.deep.equal([
      play.id,
      work.id,
    ]);

    await changedAMinuteAgo(database(), 'groups', work.id);
    const renamed = await ann.patch<Group>(`/groups/${work.id}`, { name: 'Job' });
    expect(renamed).to.include({ id: work.id, name: 'Job', createdAt: work.createdAt });
    expect(renamed.updatedAt >= work.updatedAt).to.equal(true);
    expect(await ann.patch<Group>(`/groups/${work.id}`, {})).to.deep.equal(renamed);
  });

  it('leave their sessions ungrouped when they are deleted', async () => {
    const group = await ann.newGroup();
    const session = await ann.newSession({ groupId: group.id });
    expect(session.groupId).to.equal(group.id);
    expect((await ann.send('DELETE', `/groups/${group.id}`)).status).to.equal(204);

    expect((await ann.get<Session>(`/sessions/${session.id}`)).groupId).to.equal(null);
    await ann.refused('not_found', ['GET', `/groups/${group.id}/sessions`]);
    await ann.refused('not_found', ['DELETE', `/groups/${group.id}`]);
  });

  it('tell the rooms of all their sessions when they are deleted, however many', async () => {
    const carl = await app.signUp();
    const group = await carl.newGroup();
    const first = await carl.newSession({ groupId: group.id });
    await carl.newSession();
    const others = Array.from({ length: 150 }, newId);
    await rows(
      database().db,
      `INSERT INTO sessions (id, user_id, group_id, kind, model, settings)
       SELECT id, $2, $3, 'chat', 'echo', '{}' FROM unnest($1::uuid[]) AS id`,
      [others, carl.userId, group.id],
    );
    await changedAMinuteAgo(database(), 'sessions', first.id);
    app.events.length = 0;
    await carl.send('DELETE', `/groups/${group.id}`);

    const told = app.events.filter(({ event }) => event === 'session:update');
    expect(told.map(({ room }) => room)).to.have.members([first.id, ...others].map(sessionRoom));
    const shown = told.find(({ room }) => room === sessionRoom(first.id))?.payload as Session;
    expect(await carl.get(`/sessions/${first.id}`)).to.deep.equal({ ...shown, messages: [] });
    expect(shown.groupId).to.equal(null);
    expect(shown.updatedAt >= first.updatedAt).to.equal(true);
  });

  it('tell of a session as well that is put into them while they are deleted', async () => {
    const [group, session] = [await ann.newGroup(), await ann.newSession()];
    app.events.length = 0;
    let deleted: Promise<unknown> | undefined;
    await database().transaction(async (db) => {
      await lockOwnedGroup(db, ann.userId, group.id);
      deleted = ann.send('DELETE', `/groups/${group.id}`);
      await until('the deletion waits', () => isLockAwaited(database()));
      await updateSession(db, { id: session.id, userId: ann.userId, changes: { groupId: group.id } });
    });
    await deleted;
    expect(app.events.map(({ room }) => room)).to.deep.equal([sessionRoom(session.id)]);
    expect((await ann.get<Session>(`/sessions/${session.id}`)).groupId).to.equal(null);
  });

  it('list their sessions, last used first', async () => {
    const group = await ann.newGroup();
    const sessions: Session[] = [];
    for (let n = 0; n < 3; n++) sessions.push(await ann.newSession({ groupId: group.id }));
    await ann.newSession();
    await ann.say(sessions[0]?.id ?? '', 'me again');

    const listed = await ann.all<Session>(`/groups/${group.id}/sessions?limit=2`);
    expect(listed.map((session) => session.id)).to.deep.equal([0, 2, 1].map((index) => sessions[index]?.id));
    expect(await ann.get(`/groups/${(await ann.newGroup()).id}/sessions`)).to.deep.equal({
      data: [],
      nextCursor: null,
    });
  });

  it('are paged without loss or repetition, while others are made', async () => {
    const carl = await app.signUp();
    const made = [];
    for (let n = 0; n < 7; n++) made.push((await carl.newGroup(`Group ${n}`)).id);
    const seen = await carl.all<Group>('/groups?limit=2', async () => {
      await carl.newGroup('in between');
    });
    expect(seen.map((group) => group.id)).to.deep.equal(made.reverse());
  });

  it('of somebody else are not found, like those that are not there', async () => {
    const { id } = await ann.newGroup();
    for (const group of [id, newId()]) {
      const problems = [
        await bob.refused('not_found', ['PATCH', `/groups/${group}`, { name: 'Mine' }]),
        await bob.refused('not_found', ['PATCH', `/groups/${group}`, {}]),
        await bob.refused('not_found', ['DELETE', `/groups/${group}`]),
        await bob.refused('not_found', ['GET', `/groups/${group}/sessions`]),
      ];
      expect(new Set(problems.map((problem) => problem.detail))).to.deep.equal(
        new Set(['There is no such group.']),
      );
    }
    expect((await bob.get<Listed<Group>>('/groups')).data).to.deep.equal([]);
    expect((await ann.get<Listed<Group>>('/groups')).data.some((group) => group.id === id)).to.equal(true);
  });

  it('are refused with bad input, and nothing is written', async () => {
    const before = await ann.all('/groups?limit=100');
    const { id } = before[0] as Group;
    for (const [body, field] of [
      [{}, 'body.name'],
      [{ name: '' }, 'body.name'],
      [{ name: '   ' }, 'body.name'],
      [{ name: 7 }, 'body.name'],
      [{ name: null }, 'body.name'],
      [{ name: 'two\nlines' }, 'body.name'],
      [{ name: 'x'.repeat(101) }, 'body.name'],
      [{ name: 'ok', userId: bob.userId }, 'body.userId'],
    ] as const) {
      await ann.refused('validation_failed', ['POST', '/groups', body], [field]);
    }
    await ann.refused('validation_failed', ['POST', '/groups', [1]], ['body']);
    await ann.refused('validation_failed', ['POST', '/groups'], ['body']);
    await ann.refused('validation_failed', ['PATCH', `/groups/${id}`, { name: ['x'] }], ['body.name']);
    await ann.refused('validation_failed', ['PATCH', `/groups/${id}`, { id: newId() }], ['body.id']);
    for (const path of ['/groups/7', '/groups/7/sessions']) {
      await ann.refused('validation_failed', [path.endsWith('s') ? 'GET' : 'DELETE', path], ['params.id']);
    }
    expect(await ann.all('/groups?limit=100')).to.deep.equal(before);
  });

  it('are refused with a bad page', async () => {
    const { id } = await ann.newGroup();
    for (const path of ['/groups', `/groups/${id}/sessions`]) {
      for (const limit of ['0', '101', '-1', '1.5', 'x', '']) {
        await ann.refused('validation_failed', ['GET', `${path}?limit=${limit}`], ['query.limit']);
      }
      for (const cursor of BAD_CURSORS) {
        await ann.refused('validation_failed', ['GET', `${path}?cursor=${cursor}`], ['query.cursor']);
      }
      await ann.refused('validation_failed', ['GET', `${path}?page=2`], ['query.page']);
    }
  });
});

/** Whether somebody waits for a lock of this database. */
async function isLockAwaited({ db }: Pick<Database, 'db'>): Promise<boolean> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  return (await rows(db, sql)).length > 0;
}
