import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { hashSecret, looksLikeSecret, newSecret } from '../base/secrets.ts';
import type { TicketStore } from '../feed/ports.ts';
import { type Identity, identitySchema } from './identity.ts';
import type { Revocations } from './revocations.ts';

/** Tickets that stand for an identity in the URL of an event stream, where no header can be sent. */
export interface StreamTickets {
  /** A ticket for one use. */
  issue(identity: Identity): Promise<IssuedTicket>;
  /**
   * Who the ticket speaks for; it is used up.
   *
   * @throws {AppError} `unauthenticated` when it is not known, not any more, or was used before;
   *   `token_expired`, `token_revoked` when what it was issued for is no longer good
   */
  redeem(ticket: string): Promise<Identity>;
}

/** A new ticket. */
export interface IssuedTicket {
  ticket: string;
  expiresInSeconds: number;
}

const LIFE_SECONDS = 30;

/** Issues and redeems stream tickets, good in every process that shares the store. */
export function createStreamTickets({
  tickets,
  revocations,
}: {
  tickets: TicketStore;
  revocations: Pick<Revocations, 'isRevoked'>;
}): StreamTickets {
  return {
    async issue(identity) {
      const ticket = newSecret();
      await tickets.put(keyOf(ticket), JSON.stringify(identity), LIFE_SECONDS * 1000);
      return { ticket, expiresInSeconds: LIFE_SECONDS };
    },

    async redeem(ticket) {
      const stored = looksLikeSecret(ticket) ? await tickets.take(keyOf(ticket)) : null;
      if (stored === null) throw new AppError('unauthenticated', 'The ticket is not valid, or not any more.');
      const identity = identitySchema.parse(JSON.parse(stored));
      if (identity.expiresAt <= now()) {
        throw new AppError('token_expired', 'What the ticket was issued for has expired.');
      }
      if (!revocations.isRevoked(identity.familyId)) return identity;
      throw new AppError('token_revoked', 'What the ticket was issued for has been revoked.');
    },
  };
}

const keyOf = (ticket: string): string => `stream-ticket:${hashSecret(ticket).toString('base64url')}`;
