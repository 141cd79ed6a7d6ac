/** What a worker of a campaign loads. */
export { WORLD } from '../../fuzz/world.js';
export { errorId, targets } from '../known.js';
