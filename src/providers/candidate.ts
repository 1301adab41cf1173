import type { ModelParameter } from '../contracts/model.ts';
import type { Provider, ProviderRequest } from './provider.ts';

/** A model that may answer, and who serves it. */
export interface Candidate {
  /** `provider/name`, or `echo`. */
  id: string;
  provider: Provider;
  /** The provider's own name of the model. */
  name: string;
  /** The settings that it takes. */
  parameters: readonly ModelParameter[];
  /** Most tokens of a reply; null: not known. */
  maxOutputTokens: number | null;
}

/** A request for whichever model answers it. */
export type RoutedRequest = Omit<ProviderRequest, 'model'>;

/** A request as one candidate takes it. */
export interface FittedRequest {
  request: ProviderRequest;
  /** Settings that were given, and that the candidate does not take. */
  omitted: ModelParameter[];
}

/** Leaves out the settings that a candidate does not take, and asks for no more tokens than it can write. */
export function fitRequest(
  { turns, options, onWriting, ...settings }: RoutedRequest,
  { name, parameters, maxOutputTokens }: Candidate,
): FittedRequest {
  const request: ProviderRequest = {
    model: name,
    turns,
    ...(options ? { options } : {}),
    ...(onWriting ? { onWriting } : {}),
    ...(maxOutputTokens === null ? {} : { maxOutputTokens }),
  };
  const omitted: ModelParameter[] = [];
  for (const parameter of ['temperature', 'topP', 'maxTokens'] as const) {
    const value = settings[parameter];
    if (value === undefined) continue;
    if (parameters.includes(parameter)) request[parameter] = value;
    else omitted.push(parameter);
  }
  if (request.maxTokens !== undefined && maxOutputTokens !== null) {
    request.maxTokens = Math.min(request.maxTokens, maxOutputTokens);
  }
  return { request, omitted };
}
