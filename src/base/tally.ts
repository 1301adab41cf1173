/**
 * What this process has done since it began, where it happens too often for anything but a plain number: added to
 * without a look-up, and read when somebody asks for the metrics. One for the process, as its memory and its uptime are.
 */
export const tally = {
  /** Pieces of text that a worker has published. */
  deltasPublished: 0,
  /** Pieces that the broker did not take; they went out with a later one. */
  deltasFailed: 0,
  /** Frames that were written to a socket or an event stream. */
  framesSent: 0,
  /** Frames that a slow reader was not sent: it is sent the state instead. */
  framesDropped: 0,
};
