/**
 * The numbers of the NBD protocol that the client uses. Names and values are those of the protocol's text,
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md.
 */
export const NBD_MAGIC = 0x4e42444d41474943n; // "NBDMAGIC"
export const OPTION_MAGIC = 0x49484156454f5054n; // "IHAVEOPT"
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** handshake flags, the same bits from the server and from the client */
export const FLAG_FIXED_NEWSTYLE = 1;
export const FLAG_NO_ZEROES = 2;

export const OPT_ABORT = 2;
export const OPT_LIST = 3;
export const OPT_INFO = 6;
export const OPT_GO = 7;
export const OPT_STRUCTURED_REPLY = 8;
export const OPT_LIST_META_CONTEXT = 9;
export const OPT_SET_META_CONTEXT = 10;

export const REP_ACK = 1;
export const REP_SERVER = 2;
export const REP_INFO = 3;
export const REP_META_CONTEXT = 4;
/** option replies with this bit are errors */
export const REP_ERROR = 0x80000000;

/** what the errors among option replies are called, by their number without that bit */
export const OPTION_ERRORS: ReadonlyMap<number, string> = new Map([
  [1, 'UNSUP'],
  [2, 'POLICY'],
  [3, 'INVALID'],
  [4, 'PLATFORM'],
  [5, 'TLS_REQD'],
  [6, 'UNKNOWN'],
  [7, 'SHUTDOWN'],
  [8, 'BLOCK_SIZE_REQD'],
  [9, 'TOO_BIG'],
]);

export const INFO_EXPORT = 0;
export const INFO_NAME = 1;
export const INFO_DESCRIPTION = 2;
export const INFO_BLOCK_SIZE = 3;

export const CMD_READ = 0;
export const CMD_WRITE = 1;
export const CMD_DISC = 2;
export const CMD_FLUSH = 3;
export const CMD_TRIM = 4;
export const CMD_WRITE_ZEROES = 6;
export const CMD_BLOCK_STATUS = 7;

export const CMD_FLAG_FUA = 1;
export const CMD_FLAG_NO_HOLE = 2;

/** transmission flags of an export */
export const EXPORT_READ_ONLY = 2;
export const EXPORT_FLAGS: ReadonlyMap<number, string> = new Map([
  [EXPORT_READ_ONLY, 'READ_ONLY'],
  [4, 'FLUSH'],
  [8, 'FUA'],
  [0x10, 'ROTATIONAL'],
  [0x20, 'TRIM'],
  [0x40, 'WRITE_ZEROES'],
  [0x80, 'DF'],
  [0x100, 'MULTI_CONN'],
  [0x200, 'RESIZE'],
  [0x400, 'CACHE'],
  [0x800, 'FAST_ZERO'],
]);

export const REPLY_FLAG_DONE = 1;
export const REPLY_NONE = 0;
export const REPLY_OFFSET_DATA = 1;
export const REPLY_OFFSET_HOLE = 2;
export const REPLY_BLOCK_STATUS = 5;
/** chunk types with this bit are errors */
export const REPLY_ERROR = 0x8000;

/** strings (export names, context names, messages) have at most this many bytes */
export const LONGEST_STRING = 4096;

/** The error values that the protocol defines, by their number. */
export const ERRNO: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [5, 'EIO'],
  [12, 'ENOMEM'],
  [22, 'EINVAL'],
  [28, 'ENOSPC'],
  [75, 'EOVERFLOW'],
  [95, 'ENOTSUP'],
  [108, 'ESHUTDOWN'],
]);
