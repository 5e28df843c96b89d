/** Summing and writing a plain Float64Array of a million elements: what `array-shared` is held against. */
import { best, report } from '../lib/report.mjs';
import { indexing } from '../lib/indexing.mjs';

report(
  'array_index_ns',
  best(7, () => indexing(new Float64Array(1e6))),
);
