/**
 * `npm run conform`: every case on the reference, and on QEMU if it is installed. Arguments are passed on to
 * `qbm run`, so that `npm run conform -- --reporter junit=out/junit.xml` works.
 */

import { findInPath } from '../target/parse.js';
import { QEMU_SYSTEM_PROGRAM } from '../target/qmp/qemu-system.js';
import { QSD_PROGRAM } from '../target/qmp/qsd.js';
import { errorId, targets } from './known.js';
import { inProcess } from './process.js';
import { qbm } from './program.js';

await inProcess(targets, errorId, async (environment) => {
  const missing = [QEMU_SYSTEM_PROGRAM, QSD_PROGRAM].filter((program) => findInPath(program) === null);
  if (missing.length > 0) {
    const get = 'apt-get install --no-install-recommends qemu-system-x86 qemu-utils';
    environment.stderr.write(
      `qbm: not compared with QEMU: no ${missing.join(' and no ')} in PATH (Debian: ${get})\n`,
    );
  }
  const on = missing.length > 0 ? ['reference'] : ['reference', 'qemu'];
  return qbm(['run', ...on.flatMap((name) => ['--target', name]), ...process.argv.slice(2)], environment);
});
