/** `_number` behind a name; then no longer word, which it would only begin. */
export const NUMBER = '(?:[ _-]?(?:number|no|nr))?(?!\\p{L}{3})';

/** What phone numbers are called, also inside of a name. Parts of expressions (flags `i`, `u`), as are the others. */
const NAMES = '(?:tele)?phone|mobile|fax|whats[ _-]?app|telefon|t[ée]l[ée]phone';
/** The same, as words of their own. */
const SHORT_NAMES = 'tel|cell|handy';
/** What stands before a number in a sentence. As a name, it says that something else follows: calls, with their ids. */
const SENDING = 'sms|call';

/** Whose numbers count something else. */
const OTHER = 'mobile[ _-]?(?:app|web|site)';

/** Says of a value that it is a phone number: `contactPhone`, `phone_number`. No plurals of the short ones: `cells` are those of a table. */
export const PHONE_NAME = `(?!${OTHER})(?:${NAMES})${NUMBER}|(?<!\\p{L})(?:${SHORT_NAMES})${NUMBER}(?!\\p{L})`;
/** The same in a text. */
export const PHONE_WORD = `(?:${NAMES}|(?<!\\p{L})(?:${SHORT_NAMES}|${SENDING}))${NUMBER}`;
