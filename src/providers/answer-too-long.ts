import { ProviderError } from './provider.ts';

/**
 * An answer is longer than we take. Whoever asks can bring any model to that, so it says nothing about the provider, and
 * another one would be brought to it as well: it fails this reply, and that is all.
 */
export class AnswerTooLongError extends ProviderError {
  /** @param bound what there is more of, as in `128 calls in one answer` */
  constructor(bound: string) {
    super('provider_failed', `The provider sent more than ${bound}.`);
  }
}
