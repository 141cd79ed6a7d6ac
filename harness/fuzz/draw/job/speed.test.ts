import t from 'tap';
import { qmpAction } from '../sketch.js';
import { isSlow } from './speed.js';

t.test('no job takes its time', async (t) => {
  const mirror = (more: { readonly [name: string]: string | number }) =>
    isSlow(qmpAction('blockdev-mirror', { device: 'disk', target: 'target', ...more }));
  t.ok(mirror({ sync: 'full', speed: 12 }));
  t.notOk(mirror({ sync: 'full', speed: 2 ** 40 }));
  t.notOk(mirror({ sync: 'full', speed: 0 }), 'no limit');
  t.notOk(mirror({ sync: 'full', speed: -1 }), 'it is refused');
  t.notOk(mirror({ sync: 'none', speed: 12 }));
  t.notOk(mirror({ sync: 'full' }));
  t.ok(isSlow(qmpAction('block-job-set-speed', { device: 'j', speed: 12 })));
});
