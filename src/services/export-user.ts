import { now } from '../base/clock.ts';
import type { Db } from '../data/database.ts';
import type { GroupRecord } from '../data/entities/group.ts';
import { listAiEntities } from '../data/repositories/ai-entities.ts';
import { listGroups } from '../data/repositories/groups.ts';
import { type LedgerEntryView, listLedger } from '../data/repositories/ledger.ts';
import { findOwnedSessions } from '../data/repositories/sessions.ts';
import {
  type ExportPage,
  findAccountFacts,
  isUserThere,
  listExportedApiKeys,
  listExportedFavorites,
  listExportedGenerations,
  listExportedSignIns,
  listExportedUsage,
  listSessionIds,
} from '../data/repositories/user-export.ts';
import { presentAiEntity } from '../presenters/ai-entity.ts';
import { type ExportedSession, presentUsageDay, type UserExport } from '../presenters/export-user-json.ts';
import { presentGeneration } from '../presenters/generation.ts';
import { presentGroup } from '../presenters/group.ts';
import { presentLedgerEntry } from '../presenters/ledger.ts';
import { presentSession } from '../presenters/session.ts';
import { accountGone } from './identity-refusals.ts';
import type { Profiles } from './profile.ts';
import { createReadMessages, type ReadMessagesDeps } from './read-messages.ts';

/** What exporting needs. */
export interface ExportUserDeps extends ReadMessagesDeps {
  profiles: Pick<Profiles, 'get'>;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/**
 * All data of a user, read piece by piece as they are taken. No connection is kept between pieces, however slow the reader; of
 * the sessions the ids alone are read at once.
 *
 * @throws {AppError} `unauthenticated` when the account is not there any more
 */
export type ExportUser = (userId: string) => Promise<UserExport>;

/** Rows that are read at once. */
const PAGE = 200;

/** Makes the verb. */
export function createExportUser(deps: ExportUserDeps): ExportUser {
  const { profiles, inrPerUsd } = deps;
  const { db } = deps.database;
  const readMessages = createReadMessages(deps);

  async function* readSessions(userId: string): AsyncGenerator<ExportedSession> {
    // All ids first: a session that is used meanwhile changes its place in every other order.
    const ids = await listSessionIds(db, userId);
    for (let from = 0; from < ids.length; from += PAGE) {
      for (const found of await findOwnedSessions(db, userId, ids.slice(from, from + PAGE))) {
        const session = presentSession(found, inrPerUsd);
        yield { session, messages: readMessages(session.id) };
      }
    }
  }

  return async (userId) => {
    const [profile, account, favorites] = await Promise.all([
      profiles.get(userId),
      findAccountFacts(db, userId),
      listExportedFavorites(db, userId),
    ]);
    if (!account) throw accountGone();
    const pages = <T, R>(list: ListPage<T>, present: (row: T) => R) =>
      readPages((after: T | undefined) => list(db, { userId, after, limit: PAGE }), present);
    return {
      exportedAt: new Date(now()).toISOString(),
      profile,
      account,
      favorites,
      groups: pages(listGroupsAfter, presentGroup),
      sessions: readSessions(userId),
      generations: pages(listExportedGenerations, (row) => presentGeneration(row, inrPerUsd)),
      ledger: pages(listLedgerAfter, presentLedgerEntry),
      usageByDay: pages(listExportedUsage, (row) => presentUsageDay(row, inrPerUsd)),
      apiKeys: pages(listExportedApiKeys, asIs),
      signIns: pages(listExportedSignIns, asIs),
      aiEntities: pages(listAiEntities, presentAiEntity),
      async finish() {
        if (!(await isUserThere(db, userId))) throw accountGone();
      },
    };
  };
}

type ListPage<T> = (db: Db, page: ExportPage<T>) => Promise<T[]>;

const listGroupsAfter: ListPage<GroupRecord> = (db, { after, ...page }) =>
  listGroups(db, { ...page, before: after?.id });
const listLedgerAfter: ListPage<LedgerEntryView> = (db, { after, ...page }) =>
  listLedger(db, { ...page, before: after?.id });

const asIs = <T>(row: T): T => row;

/** Rows page by page; a page that is not full is the last one. */
async function* readPages<T, R>(
  read: (after: T | undefined) => Promise<T[]>,
  present: (row: T) => R,
): AsyncGenerator<R> {
  for (let after: T | undefined; ; ) {
    const page = await read(after);
    for (const row of page) yield present(row);
    if (page.length < PAGE) return;
    after = page.at(-1);
  }
}
