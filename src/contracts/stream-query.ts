import { textSchema } from './fields.ts';

/** Who an EventSource speaks for, as it cannot send headers: in the query of every route with `access: 'ticket'`. */
export const ticketField = textSchema({ min: 1, max: 200 })
  .optional()
  .describe('From `POST /auth/stream-ticket`');

/** What every event stream that can be resumed takes in its query; `after` is for clients that cannot set `Last-Event-ID`. */
export const streamQuery = {
  ticket: ticketField,
  after: textSchema({ min: 1, max: 10_000 }).optional().describe('The `id` of the last event that came'),
};
