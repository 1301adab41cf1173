import type { Message } from '../contracts/message.ts';
import type { Generation } from '../contracts/routes/admin-generations.ts';
import type { AiEntity } from '../contracts/routes/ai-entities.ts';
import type { Group } from '../contracts/routes/groups.ts';
import type { LedgerEntry } from '../contracts/routes/ledger.ts';
import type { Profile } from '../contracts/routes/user.ts';
import type { Session } from '../contracts/session.ts';
import type { UsageTotals } from '../contracts/stats.ts';
import type {
  AccountFacts,
  ExportedApiKey,
  ExportedFavorite,
  ExportedSignIn,
  ExportedUsage,
} from '../data/repositories/user-export.ts';
import { presentTotals } from './stats.ts';

/** A session of a {@link UserExport}. */
export interface ExportedSession {
  session: Session;
  /** Oldest first; to be read before the next session is. */
  messages: AsyncIterable<Message>;
}

/** Everything that is stored of a user. What there may be much of is read as it is taken. */
export interface UserExport {
  /** ISO 8601, UTC. */
  exportedAt: string;
  profile: Profile;
  account: AccountFacts;
  favorites: ExportedFavorite[];
  groups: AsyncIterable<Group>;
  sessions: AsyncIterable<ExportedSession>;
  generations: AsyncIterable<Generation>;
  ledger: AsyncIterable<LedgerEntry>;
  usageByDay: AsyncIterable<UsageDay>;
  apiKeys: AsyncIterable<ExportedApiKey>;
  signIns: AsyncIterable<ExportedSignIn>;
  aiEntities: AsyncIterable<AiEntity>;
  /**
   * To be called when all of it was read.
   *
   * @throws when the account was deleted meanwhile: then what was read is not all of it
   */
  finish(): Promise<void>;
}

/** What a user's generations of one kind took on a day, by model. */
export type UsageDay = Pick<ExportedUsage, 'day' | 'model' | 'kind'> & UsageTotals;

/** In the shape of the other statistics. `inrPerUsd`: rupees per US dollar. */
export function presentUsageDay(usage: ExportedUsage, inrPerUsd: number): UsageDay {
  const { day, model, kind } = usage;
  return { day, model, kind, ...presentTotals(usage, inrPerUsd) };
}

/** All of it as one JSON document, piece by piece, an item a line. It ends, and is JSON, only if all of it could be read. */
export async function* exportUserJson(exported: UserExport): AsyncGenerator<string> {
  const { exportedAt, profile, account, favorites, sessions, finish, ...lists } = exported;
  const { balance, held, ...facts } = account;
  const head = {
    exportedAt,
    profile,
    account: facts,
    balance: { balance: Number(balance), held: Number(held) },
    favorites,
  };
  // Without the brace at its end.
  yield JSON.stringify(head).slice(0, -1);
  yield ',\n"sessions":[';
  let separator = '\n';
  for await (const { session, messages } of sessions) {
    yield `${separator}${JSON.stringify(session).slice(0, -1)},"messages":`;
    yield* jsonArray(messages);
    yield '}';
    separator = ',\n';
  }
  yield '\n]';
  for (const [name, items] of Object.entries(lists)) {
    yield `,\n${JSON.stringify(name)}:`;
    yield* jsonArray(items);
  }
  await finish();
  yield '}\n';
}

async function* jsonArray(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]' : '\n]';
}
