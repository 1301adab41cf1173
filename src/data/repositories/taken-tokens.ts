/** How many of the newest messages of a session are looked through for what a reply took last. */
export const TAKEN_MESSAGES = 100;

/**
 * Tokens of the conversation that a reply has read and written, of `generations g`; null where nothing is known. One that
 * is still to be read, or is being written, has taken what is set aside for it: else whoever asks on before it has ended
 * would be asked for nothing of what both have to read.
 */
export const TAKEN = `coalesce(g.input_tokens::float8 + g.output_tokens,
    CASE WHEN g.status IN ('queued', 'streaming') THEN g.hold_tokens END)`;
