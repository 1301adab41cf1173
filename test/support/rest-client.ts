import { expect } from 'chai';
import type { Problem } from '../../src/contracts/errors.ts';
import type { Group } from '../../src/contracts/routes/groups.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import type { Session } from '../../src/contracts/session.ts';

/** A page of a list, as it is answered. */
export interface Listed<T> {
  data: T[];
  nextCursor: string | null;
}

/** One user's requests. */
export class RestClient {
  readonly url: string;
  readonly userId: string;
  readonly #token: string;

  constructor({ url, userId, token }: { url: string; userId: string; token: string }) {
    this.url = url;
    this.userId = userId;
    this.#token = token;
  }

  /** The header of this user's requests. */
  get authorization(): string {
    return `Bearer ${this.#token}`;
  }

  /** Sends a request; `body` is sent as JSON. */
  send(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, {
      ...init,
      method,
      headers: {
        ...init.headers,
        authorization: this.authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The body of a 2xx answer; anything else fails the test. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send(method, path, body);
    const text = await answer.text();
    expect(answer.ok, `${method} ${path}: ${answer.status} ${text}`).to.equal(true);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  get = <T>(path: string): Promise<T> => this.json<T>('GET', path);
  post = <T>(path: string, body?: unknown): Promise<T> => this.json<T>('POST', path, body);
  patch = <T>(path: string, body: unknown): Promise<T> => this.json<T>('PATCH', path, body);
  delete = (path: string): Promise<void> => this.json<void>('DELETE', path);

  newGroup = (name = 'Group'): Promise<Group> => this.post<Group>('/groups', { name });
  newSession = (body: object = {}): Promise<Session> => this.post<Session>('/sessions', body);
  say = (sessionId: string, content: string): Promise<SendMessageAnswer> =>
    this.post<SendMessageAnswer>('/messages', { sessionId, content });

  /** Every item of a list, followed page by page. `between` runs after each page. */
  async all<T>(path: string, between: (page: Listed<T>) => Promise<void> = async () => {}): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
      const page = await this.get<Listed<T>>(path + query);
      items.push(...page.data);
      await between(page);
      cursor = page.nextCursor;
    }
    return items;
  }

  /** Expects a refusal with this code, naming these fields and no others. */
  async refused(
    code: Problem['code'],
    [method, path, body]: [method: string, path: string, body?: unknown],
    fields?: string[],
  ): Promise<Problem> {
    const answer = await this.send(method, path, body);
    const problem = (await answer.json()) as Problem;
    expect(problem.code, `${method} ${path}: ${JSON.stringify(problem)}`).to.equal(code);
    expect(answer.status).to.equal(problem.status);
    if (fields) expect(problem.errors?.map((each) => each.path)).to.deep.equal(fields);
    return problem;
  }
}
