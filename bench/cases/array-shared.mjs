/** The same for a shared Array. A process of its own, so that each loop sees one kind of array. */
import { Array as SharedArray } from 'forkful';
import { best, report } from '../lib/report.mjs';
import { indexing } from '../lib/indexing.mjs';

const array = new SharedArray('d', 1e6);
report(
  'array_index_ns',
  best(7, () => indexing(array)),
);
