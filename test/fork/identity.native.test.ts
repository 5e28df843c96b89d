/** Who a forked child is, and what it has from its parent though it is a copy of the fork server. */
import { casesOf, describeCases } from '../helpers/fork-cases.js';

describeCases('identity', await casesOf('identity'), {
  execArgv: ['--stack-trace-limit=17'],
  env: { FORK_CASE_GONE: 'set from the start' },
});
