/** Numbers of more digits are values. */
const PART_NAME = '(?:[\\p{L}_][\\p{L}\\w-]{0,29}|\\d{1,3})';
const PART = `(?:\\.${PART_NAME}|\\[["'\`]?${PART_NAME}["'\`]?\\])`;

/** What of a name it is: `.current`, `[0]`, `["prod"].value`. Part of an expression (flags `i`, `u`), as is the other. */
export const PATH = `(?:${PART}){1,4}`;
/** What stands between a name and its value, nothing else: `s[0] = "`, `_2.value: `. */
export const PATH_GIVEN = `\\p{L}{0,2}_?\\d{0,2}(?:${PATH})?["'\`]?[ \\t]{0,4}[:=][ \\t]{0,4}["'\`]?`;
