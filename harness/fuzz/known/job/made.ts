/** What programs are known for where jobs make images, or copy to them. */
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Job } from '../../../../spec/job/job.js';
import { isJsonObject, type Json } from '../../../../spec/json/value.js';
import type { Action } from '../../../case/case.js';
import { DIRECTORY } from '../../../target/reference/model.js';
import { asksFor } from '../../commands.js';
import { created } from '../../draw/job/made-images.js';
import type { ModelRun } from '../../draw/model-run.js';
import { QEMU, QEMU_10 } from '../programs.js';
import type { Trigger } from '../trigger.js';

/** Whether an image is to be made on a file that is not empty. */
export function makesOverContent(run: ModelRun, action: Action): boolean {
  return asksFor(action, (name, args) => {
    const options = created(name, args);
    return options !== null && options.driver === '{format}' && sizeOf(run, options.file ?? null) > 0;
  });
}

/** Whether an image is to say what is below it, and not of which format that is. */
export function leavesFormatOpen(_: ModelRun, action: Action): boolean {
  return asksFor(action, (name, args) => {
    const options = created(name, args);
    return options?.['backing-file'] !== undefined && options['backing-fmt'] === undefined;
  });
}

/** Bytes of the file of a node, or of one that is to be opened. A node may be as long as it was when its file was looked at last. */
function sizeOf({ machine, model }: ModelRun, file: Json): number {
  const path =
    typeof file === 'string'
      ? machine.graph.find(file)?.filename
      : isJsonObject(file)
        ? String(file.filename).replace(/^\$/, `${DIRECTORY}/`)
        : undefined;
  return model.storage.files().find(([name]) => name === path)?.[1].size ?? 0;
}

/** What a new target is not made for: its format, its name, and its source have been looked at before. */
const NOT_MADE =
  /^(QMP-E-|QBM-E-|REF-E-(NO|FORMAT|PROTOCOL|OWN|LOCKED|NAME|BUSY|BLOCK|NOT)|JOB-E-CREATE|TXN-E-)/;

/** Whether a command has made its target, and is refused after all. */
export function leavesTarget(_: ModelRun, action: Action, { id }: { readonly id: string }): boolean {
  return (
    !NOT_MADE.test(id) && asksFor(action, (name, { mode }) => /^drive-/.test(name) && mode !== 'existing')
  );
}

/** Whether the graph is looked at while a backup goes on of which neither the filter nor the target is told. */
export function looksPastBackup({ jobs }: ModelRun, { verb }: Action): boolean {
  const isHidden = (job: Job): boolean =>
    job.driver.type === 'backup' &&
    job instanceof BlockJob &&
    job.uses.every(({ child }) => child.name.startsWith('#'));
  return verb === 'graph' && jobs.some(isHidden);
}

export const KNOWN_OF_MADE: readonly Trigger[] = [
  {
    name: 'image on a file that has something in it',
    shownBy: 'create-over-content',
    programs: QEMU,
    before: makesOverContent,
  },
  {
    name: 'image over a file of a format that it does not say',
    shownBy: 'create-backing-without-format',
    programs: QEMU,
    before: leavesFormatOpen,
  },
  {
    name: 'image that a command leaves which is refused',
    shownBy: 'drive-refused-leaves-nothing',
    programs: QEMU,
    refused: leavesTarget,
  },
  {
    name: 'graph beside a backup that nothing is seen of',
    shownBy: 'drive-nodes',
    programs: QEMU_10,
    before: looksPastBackup,
  },
  {
    name: 'compressed copy to an image that has nothing compressed',
    shownBy: 'backup-compressed',
    programs: QEMU,
    refused: ({ format }, _, { id }) => format === 'overlay' && id === 'JOB-E-COMPRESS',
  },
];
