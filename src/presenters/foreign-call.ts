import type { StartedCall } from '../services/calls.ts';

/** When a call was made, as OpenAI tells it: seconds since 1970. */
export const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1_000);

/** What of a call its answers tell. */
export type ToldCall = Pick<StartedCall, 'messageId' | 'model' | 'createdAt'>;
