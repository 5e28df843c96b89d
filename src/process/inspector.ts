/** Asking V8's inspector about this very thread. */
import type { Session } from 'node:inspector';

/** Within one thread the inspector answers before `post` returns. @throws what it says */
export function ask<R>(session: Session, method: string, parameters: object): R {
  let answer: R | undefined;
  let failure: Error | null = null;
  session.post(method, parameters, (error, result) => {
    failure = error;
    answer = result as R;
  });
  if (failure !== null) throw failure;
  if (answer === undefined) throw new Error(`The inspector did not answer ${method}`);
  return answer;
}
