import type { Db } from '../../../data/database.ts';
import { listEarlierEnhancements } from '../../../data/repositories/enhancements.ts';
import { withoutNumbers } from '../../masking/placeholders.ts';
import type { Assembler } from './piece.ts';

/** How many are told, and how much of each text, in UTF-16 code units. */
const [MAX_EARLIER, MAX_UNITS] = [5, 500];

/** What was made of the user's last texts in fields of the same type: how they like them. */
export const userHistory = (db: Db): Assembler =>
  async function* ({ userId, context: { fieldType } }) {
    const earlier = await listEarlierEnhancements(db, { userId, fieldType, limit: MAX_EARLIER });
    for (const { sessionId, action, text, result } of earlier) {
      yield {
        option: 'user_history',
        source: sessionId,
        heading: `An earlier text of the author (${action}):`,
        text: { text: `before: ${onOneLine(text)}\nafter: ${onOneLine(result)}`, marked: [] },
        maxLineUnits: MAX_UNITS,
      };
    }
  };

const onOneLine = (text: string): string => withoutNumbers(text).replace(/\s+/g, ' ').trim();
