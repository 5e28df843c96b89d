/** Processes and Workers of its own, in forked children. */
import { casesOf, describeCases } from '../helpers/fork-cases.js';

describeCases('children', await casesOf('children'));
