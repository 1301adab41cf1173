import type { Database } from '../data/database.ts';
import { type GrownHold, growFreeHolds, growHold, type HoldGrowth } from '../data/repositories/accounts.ts';

/** How much more is to be set aside, and whose it is. */
export interface UserGrowth extends HoldGrowth {
  userId: string;
}

/**
 * Sets more aside for a generation.
 *
 * @returns undefined when the attempt is not the current one any more
 * @throws what the database says
 */
export type GrowHold = (growth: UserGrowth) => Promise<GrownHold | undefined>;

interface Asked {
  growth: UserGrowth;
  answer: (grown: GrownHold | Promise<GrownHold | undefined>) => void;
}

/** Most growths of one statement: what it brings is told in one go, and no delta goes out meanwhile. */
const MOST_AT_ONCE = 50;

/**
 * Grows the holds of all generations of a process. Like its deltas, they are merged by acknowledgement: one statement is on
 * its way at a time, and what is asked meanwhile goes with the next. Nobody waits for the account of somebody else. A thousand
 * replies grow hundreds of holds a second, and a statement with a commit for each is as much work for PostgreSQL as all their
 * deltas are for Redis.
 *
 * @param overdraft credits that a balance may be short of, a decimal string; null: any number
 */
export function createGrowHold({
  database,
  overdraft,
}: {
  database: Database;
  overdraft: string | null;
}): GrowHold {
  let asked: Asked[] = [];
  let asking = false;

  async function growAll(): Promise<void> {
    asking = true;
    while (asked.length > 0) await growTogether(takeOneOfEach());
    asking = false;
  }

  /** Whoever has to wait for somebody waits alone; and whoever makes all of them fail fails alone. */
  async function growTogether(together: Asked[]): Promise<void> {
    const growths = together.map(({ growth }) => growth);
    const free = await growFreeHolds(database.db, growths, overdraft).catch(() => []);
    const grown = new Map(free.map((each) => [each.id, each]));
    for (const { growth, answer } of together) {
      answer(grown.get(growth.id) ?? growHold(database.db, growth, overdraft));
    }
  }

  /** What is asked first of each user: what comes after it has to see what it leaves. */
  function takeOneOfEach(): Asked[] {
    const taken = new Map<string, Asked>();
    asked = asked.filter((each) => {
      const { userId } = each.growth;
      if (taken.has(userId) || taken.size === MOST_AT_ONCE) return true;
      taken.set(userId, each);
      return false;
    });
    return [...taken.values()];
  }

  return (growth) =>
    new Promise((answer) => {
      asked.push({ growth, answer });
      if (!asking) void growAll();
    });
}
