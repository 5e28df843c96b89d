/** What programs do with Node, in forked children. */
import { casesOf, describeCases } from '../helpers/fork-cases.js';

describeCases('runtime', await casesOf('runtime'));
