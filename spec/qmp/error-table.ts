/** Every error that QMP can answer with, joined from the parts that define them; texts are turned into ids by it. */
import { BITMAP_ERRORS } from '../bitmap/errors.js';
import { DEVICE_ERRORS } from '../block/device/errors.js';
import { BLOCK_ERRORS } from '../block/errors.js';
import { JOB_ERRORS } from '../job/errors.js';
import { NBD_ERRORS } from '../nbd/errors.js';
import { QBM_ERRORS } from '../qbm/errors.js';
import { BITMAP_COMMAND_ERRORS } from './bitmap-errors.js';
import { DEVICE_COMMAND_ERRORS } from './device-errors.js';
import { type AnyErrorDefinition, ErrorTable } from './errors.js';
import { INPUT_ERRORS } from './input-errors.js';
import { JOB_COMMAND_ERRORS } from './job-errors.js';
import { TRANSACTION_ERRORS } from './transaction.js';

/** The tables of parts that do not know of QMP: all of them are GenericError. */
function generic(templates: Readonly<Record<string, string>>): AnyErrorDefinition[] {
  return Object.entries(templates).map(([id, template]) => ({ id, class: 'GenericError', template }));
}

export const ERROR_TABLE = new ErrorTable(
  INPUT_ERRORS,
  BITMAP_COMMAND_ERRORS,
  DEVICE_COMMAND_ERRORS,
  TRANSACTION_ERRORS,
  JOB_COMMAND_ERRORS,
  generic(BITMAP_ERRORS),
  generic(BLOCK_ERRORS),
  generic(NBD_ERRORS),
  generic(JOB_ERRORS),
  generic(DEVICE_ERRORS),
  generic(QBM_ERRORS).map((definition) => ({ ...definition, isPlaced: true })),
);
