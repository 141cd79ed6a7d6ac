/** The bytes of QBM images: what commands leave in their files, and what readers find there. */

import type { Sketch } from '../draw/sketch.js';
import type { Move } from '../moves/move.js';
import { playRead } from '../moves/stored/read.js';
import { endStored, playMake, STORED_MOVES } from '../moves/stored/stored.js';
import { FORMAT_GOALS } from '../reach/format-goals.js';
import { propertyOf } from './plan.js';

/** Who runs commands is asked for the bytes that they leave; who only reads, what is in them. */
function hasCommands({ format }: Sketch): boolean {
  return format === 'overlay';
}

function withCommands(move: Move): Move {
  return {
    ...move,
    make(sketch) {
      if (hasCommands(sketch)) move.make(sketch);
    },
  };
}

export const format = propertyOf({
  name: 'format',
  summary: 'QBM images byte for byte, and what readers find in them, after commands, restarts and crashes',
  rules: ['QBM-031', 'QBM-034', 'QBM-036'],
  goals: FORMAT_GOALS,
  formats: ['raw', 'overlay'],
  about: ['format'],
  length: [6, 30],
  moves: STORED_MOVES.map(withCommands),
  begin(sketch) {
    if (hasCommands(sketch)) playMake(sketch);
  },
  end(sketch) {
    if (hasCommands(sketch)) endStored(sketch);
    else playRead(sketch);
  },
});
