/**
 * The numbers of the protocol. Names and values are those of its text,
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

export const OPT_EXPORT_NAME = 1;
export const OPT_ABORT = 2;
export const OPT_LIST = 3;
export const OPT_STARTTLS = 5;
export const OPT_INFO = 6;
export const OPT_GO = 7;
export const OPT_STRUCTURED_REPLY = 8;
export const OPT_LIST_META_CONTEXT = 9;
export const OPT_SET_META_CONTEXT = 10;

export const REP_ACK = 1;
export const REP_SERVER = 2;
export const REP_INFO = 3;
export const REP_META_CONTEXT = 4;
export const REP_ERR_UNSUP = 0x80000001;
export const REP_ERR_POLICY = 0x80000002;
export const REP_ERR_INVALID = 0x80000003;
export const REP_ERR_UNKNOWN = 0x80000006;
export const REP_ERR_BLOCK_SIZE_REQD = 0x80000008;

export const INFO_EXPORT = 0;
export const INFO_NAME = 1;
export const INFO_DESCRIPTION = 2;
export const INFO_BLOCK_SIZE = 3;

/** transmission flags of an export */
export const EXPORT_HAS_FLAGS = 1;
export const EXPORT_READ_ONLY = 2;
export const EXPORT_SEND_FLUSH = 4;
export const EXPORT_SEND_FUA = 8;
export const EXPORT_SEND_TRIM = 0x20;
export const EXPORT_SEND_WRITE_ZEROES = 0x40;
export const EXPORT_SEND_DF = 0x80;
export const EXPORT_CAN_MULTI_CONN = 0x100;
export const EXPORT_SEND_CACHE = 0x400;
export const EXPORT_SEND_FAST_ZERO = 0x800;

export const CMD_READ = 0;
export const CMD_WRITE = 1;
export const CMD_DISC = 2;
export const CMD_FLUSH = 3;
export const CMD_TRIM = 4;
export const CMD_CACHE = 5;
export const CMD_WRITE_ZEROES = 6;
export const CMD_BLOCK_STATUS = 7;

export const CMD_FLAG_FUA = 1;
export const CMD_FLAG_NO_HOLE = 2;
export const CMD_FLAG_DF = 4;
export const CMD_FLAG_REQ_ONE = 8;
export const CMD_FLAG_FAST_ZERO = 0x10;

export const REPLY_FLAG_DONE = 1;
export const REPLY_NONE = 0;
export const REPLY_OFFSET_DATA = 1;
export const REPLY_OFFSET_HOLE = 2;
export const REPLY_BLOCK_STATUS = 5;
export const REPLY_ERROR = 0x8001;

/** what base:allocation says of an extent */
export const STATE_HOLE = 1;
export const STATE_ZERO = 2;

/** The error values that the protocol defines. */
export const ERRORS = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;
export type NbdErrno = keyof typeof ERRORS;

/** NBD-003: bytes; strings are names of exports and contexts, and messages */
export const LONGEST_STRING = 4096;
/** bytes of one request, and of the data of one option */
export const LONGEST_PAYLOAD = 32 * 1024 * 1024;
