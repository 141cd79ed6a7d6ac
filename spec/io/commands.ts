/** The commands that work on a node. */
import { AIO_FLUSH, AIO_READ, AIO_WRITE } from './aio.js';
import { BREAK, REMOVE_BREAK, RESUME, WAIT_BREAK } from './break.js';
import type { IoCommand } from './command.js';
import { DISCARD, FLUSH, INFO, LENGTH, TRUNCATE } from './image.js';
import { READ, READV } from './read.js';
import { ALLOC, MAP } from './status.js';
import { WRITE, WRITEV } from './write.js';

export const NODE_COMMANDS: readonly IoCommand[] = [
  READ,
  READV,
  WRITE,
  WRITEV,
  AIO_READ,
  AIO_WRITE,
  AIO_FLUSH,
  FLUSH,
  TRUNCATE,
  LENGTH,
  INFO,
  DISCARD,
  ALLOC,
  MAP,
  BREAK,
  REMOVE_BREAK,
  RESUME,
  WAIT_BREAK,
];
