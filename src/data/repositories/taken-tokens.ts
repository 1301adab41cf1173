/** How many of the newest messages of a session are looked through for what a reply took last. */
export const TAKEN_MESSAGES = 100;

/** Tokens of the conversation that a reply has read and written, of `generations g`; null until it has ended, or where it took nothing. */
export const TAKEN = '(g.input_tokens::float8 + g.output_tokens)';
