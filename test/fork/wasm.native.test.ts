/** WebAssembly, in forked children. */
import { casesOf, describeCases } from '../helpers/fork-cases.js';

describeCases('wasm', await casesOf('wasm'));
