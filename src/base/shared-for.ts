/**
 * Has everybody who asks for the same work share one run of it: while it goes on, and until `ms` after its beginning. What
 * comes of it, a failure too, is nobody's news for longer than that, and that costs one run however many ask.
 *
 * @param nowMs a clock that is never set back
 */
export function sharedFor<T>(
  ms: number,
  work: () => Promise<T>,
  nowMs = () => performance.now(),
): () => Promise<T> {
  let shared: { run: Promise<T>; begunMs: number; isOver: boolean } | undefined;

  function begin(): Promise<T> {
    const begun = { run: work(), begunMs: nowMs(), isOver: false };
    shared = begun;
    const end = () => {
      begun.isOver = true;
    };
    begun.run.then(end, end);
    return begun.run;
  }

  return () => {
    if (shared && !(shared.isOver && nowMs() - shared.begunMs >= ms)) return shared.run;
    return begin();
  };
}
