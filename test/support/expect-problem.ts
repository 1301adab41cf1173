import { expect } from 'chai';
import { ERRORS, type ErrorCode, type Problem, problemSchema } from '../../src/contracts/errors.ts';

/**
 * Expects a refusal in the shape of the contract, with the status of its code.
 *
 * @param paths - the fields it must name: these, and no others
 */
export async function expectProblem(answer: Response, code: ErrorCode, paths?: string[]): Promise<Problem> {
  const text = await answer.text();
  expect(answer.headers.get('content-type'), text).to.match(/^application\/problem\+json/);
  const problem = problemSchema.strict().parse(JSON.parse(text));
  expect(problem.code, text).to.equal(code);
  expect(answer.status).to.equal(ERRORS[code].status);
  expect(problem.status).to.equal(answer.status);
  expect(problem.requestId).to.equal(answer.headers.get('x-request-id'));
  if (paths) expect(problem.errors?.map((error) => error.path)).to.have.members(paths);
  return problem;
}
