/** The command line with fake targets instead of real ones, for tests that need a process of its own. */
import { fakeChoice } from '../case/run/fake-target.js';
import { UsageError } from './environment.js';
import { inProcess } from './process.js';
import { qbm } from './program.js';

const VARIANTS = ['', 'deviant', 'gone', 'incapable', 'formats', 'adapter'];

await inProcess(
  async (text) => {
    if (text === 'reference') return [fakeChoice('fake')];
    const [fake, variant = ''] = text.split(':');
    if (fake === 'fakes') return [fakeChoice('fake'), fakeChoice('fake:deviant')];
    if (fake !== 'fake' || !VARIANTS.includes(variant)) throw new UsageError(`no such target: ${text}`);
    return [fakeChoice(text)];
  },
  () => undefined,
  (environment) => qbm(process.argv.slice(2), environment),
);
