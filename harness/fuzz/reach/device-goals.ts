/** Goals about drives, devices and media. */
import type { Json } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import type { Answer, ModelRun } from '../draw/model-run.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

type Command = Extract<Action, { verb: 'qmp' }>;

function done(names: RegExp, meets: (args: { readonly [name: string]: Json }, run: ModelRun) => boolean) {
  return (run: ModelRun, action: Action, answer: Answer): boolean => {
    if (!answer.ok || action.verb !== 'qmp' || !names.test(action.command)) return false;
    return meets((action as Command).arguments ?? {}, run);
  };
}

function isDrive(run: ModelRun, name: Json | undefined): boolean {
  return run.machine.devices.findDrive(String(name ?? '')) !== undefined;
}

/** Of devices that go while jobs are on the node of their drive. */
function jobsGo(): ReturnType<Goal['watch']> {
  let before = 0;
  return (run, action) => {
    const now = run.jobs.filter(({ isCancelRequested }) => isCancelRequested).length;
    const isMore = now > before;
    before = now;
    return isMore && action.verb === 'qmp' && /^(device_del|system_reset)$/.test(action.command);
  };
}

export const DEVICE_GOALS: readonly Goal[] = [
  goal(
    'two devices at once',
    ({ machine }) => machine.devices.all.filter(({ backend }) => backend).length > 1,
  ),
  goal('a device is there and its node has bitmaps', ({ machine }) =>
    machine.devices.all.some(({ backend }) => (backend?.node?.bitmaps.length ?? 0) > 0),
  ),
  { name: 'a job ends because a device goes', watch: jobsGo },
  goal(
    'a medium comes into a device',
    done(/^blockdev-insert-medium$/, () => true),
  ),
  goal(
    'an image comes in the place of a medium',
    done(/^blockdev-change-medium$/, () => true),
  ),
  goal(
    'what is in a drive gets an overlay',
    done(/^blockdev-snapshot-sync$/, ({ device }, run) => isDrive(run, device)),
  ),
  goal(
    'a bitmap is named by its drive',
    done(/^block-dirty-bitmap-/, ({ node }, run) => isDrive(run, node)),
  ),
  goal(
    'a disk with bitmaps is resized by its drive',
    done(/^block_resize$/, ({ device }, run) => {
      const node = run.machine.devices.findDrive(String(device ?? ''))?.node;
      return (node?.bitmaps.length ?? 0) > 0;
    }),
  ),
  goal('a drive is empty', ({ machine }) => machine.devices.backends.some(({ node }) => node === null)),
];
