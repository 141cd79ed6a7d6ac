/** How fast a campaign is: steps of the model in this process, and commands on two processes of a target. */
import type { Bench } from '../bench.js';
import { measureCampaign } from './campaign.js';
import { measureSteps } from './steps.js';

export const fuzzBench: Bench = {
  name: 'fuzz',
  summary:
    'how many steps of histories the model plays, and how much a campaign leaves of what a target can do',
  async *run(context) {
    yield await measureSteps(context);
    const qsd = context.qemus.find(({ kind }) => kind === 'qsd');
    if (qsd !== undefined) yield await measureCampaign(qsd, context);
  },
};
