/** What nodes and requests are refused with. NODES.md has the same table; the texts are those of QEMU 7.2. */
import { Refusal, type RefusalArgs } from '../refusal.js';

/** Text templates by id. */
export const BLOCK_ERRORS = {
  'REF-E-FILTER-CREATE': 'Could not create node: {reason}',
  'REF-E-FILTER-REPLACE': 'Could not replace node: {reason}',
  'REF-E-NO-SUCH': "Cannot find device='{device}' nor node-name='{node}'",
  'REF-E-NO-MEDIUM': "Device '{device}' has no medium",
  'REF-E-NO-NODE': "Failed to find node with node-name='{node}'",
  'REF-E-NAME-NEEDED': "'node-name' must be specified for the root node",
  'REF-E-NAME-INVALID': "Invalid node-name: '{node}'",
  'REF-E-NAME-DEVICE': 'node-name={node} is conflicting with a device id',
  'REF-E-NAME-LONG': 'Node name too long',
  'REF-E-NAME-TAKEN': "Duplicate nodes with node-name='{node}'",
  'REF-E-NOT-MONITOR': 'Node {node} is not owned by the monitor',
  'REF-E-IN-USE': 'Block device {node} is in use',
  'REF-E-OPEN': "Could not open '{file}': {reason}",
  'REF-E-LOCKED': 'Failed to get "{permission}" lock',
  'REF-E-LOCKED-SHARED': 'Failed to get shared "{permission}" lock',
  'REF-E-OPTION-FORMAT': "Block format '{driver}' does not support the option '{option}'",
  'REF-E-OPTION-PROTOCOL': "Block protocol '{driver}' doesn't support the option '{option}'",
  'REF-E-NEGATIVE': "Parameter '{name}' expects a non-negative number below 2^64",
  'REF-E-AIO-NATIVE': 'aio=native was specified, but it requires cache.direct=on, which was not specified.',
  'REF-E-PR-MANAGER': "No persistent reservation manager with id '{id}'",
  'REF-E-FILENAME': "The 'file' block driver requires a file name",
  'REF-E-RAW-OFFSET': 'Offset ({offset}) cannot be greater than size of the containing file ({size})',
  'REF-E-RAW-SUM':
    'The sum of offset ({offset}) and size ({length}) has to be smaller or equal to the  actual size of the containing file ({size})',
  'REF-E-RAW-SECTOR': 'Specified size is not multiple of 512',
  'REF-E-RAW-FIXED': 'Cannot resize fixed-size raw disks',
  'REF-E-RAW-LARGE': 'Disk size too large for the chosen offset',
  'REF-E-TOO-LARGE': 'Could not refresh total sector count: File too large',
  'REF-E-LATENCY': 'latency-ns is invalid',
  'REF-E-DETECT-ZEROES':
    'setting detect-zeroes to unmap is not allowed without setting discard operation to unmap',
  'REF-E-FORCE-SHARE': 'force-share=on can only be used with read-only images',
  'REF-E-SIZE-POSITIVE': "Parameter 'size' expects a >0 size",
  'REF-E-SIZE-MAXIMUM': 'offset({size}) exceeds maximum({maximum})',
  'REF-E-SIZE-LIMIT': 'A size of {size} bytes is beyond 2^53-1, the largest of this implementation',
  'REF-E-QBM-FILE': "The descriptor of a QBM image must be a file, not a node of driver '{driver}'",
  'REF-E-QBM-BOTH': "A QBM image is given by 'file' or by its parts, not by both",
  'REF-E-QBM-NEITHER': "A QBM image needs 'file', its descriptor, or 'image'",
  'REF-E-QBM-INLINE-POLICY':
    'An image without a descriptor has no crash marker: its policy can only be writethrough',
  'REF-E-QBM-ALLOCATION': "'backing' and one bitmap of type allocation go together",
  'REF-E-STORAGE': '{file}: {reason}',
  'REF-E-INLINE': 'An image without a descriptor cannot take or lose stored bitmaps',
  'REF-E-READ-ONLY': 'Image is read-only',
  'REF-E-NO-EMPTY':
    "The image of node '{node}' cannot be emptied: it has no backing file, or no allocation bitmap",
  'REF-E-NO-RESIZE': 'Image format driver does not support resize',
  'REF-E-CONFLICT':
    "Permission conflict on node '{node}': permissions '{permissions}' are both required by {user} (uses node '{node}' as '{role}' child) and unshared by {owner} (uses node '{node}' as '{as}' child).",
  'REF-E-NODE-READ-ONLY': 'Block node is read-only',
  'REF-E-ENDS-WITHIN-BLOCK':
    "Cannot get 'write' permission without 'resize': Image size is not a multiple of request alignment",
  'REF-E-NODE-NOT-WRITABLE': "Read-only block node '{node}' cannot support read-write users",
  'REF-E-CYCLE': "Making '{child}' a {role} child of '{parent}' would create a cycle",
  'REF-E-FROZEN': "Cannot change frozen '{role}' link from '{parent}' to '{child}'",
  'REF-E-IMPLICIT-CHILD': 'Cannot replace implicit {role} child of {parent}',
  'REF-E-FROZEN-LINK': "Cannot change '{role}' link to '{child}'",
  'REF-E-FROZEN-CHAIN': "Cannot change '{role}' link from '{parent}' to '{child}'",
  'REF-E-NEVER-FROZEN': "Cannot freeze '{role}' link to '{child}'",
  'REF-E-BACKING': 'Could not open backing file: {reason}',
  'REF-E-BOTTOM': "Bottom node '{node}' not found",
  'REF-E-BOTTOM-CHAIN': "Bottom node '{node}' is not in the chain of '{file}'",
  'REF-E-BOTTOM-FILTER': "Bottom node '{node}' is a filter",
  'REF-E-NO-GROUP': "Throttle group '{id}' does not exist",
  'REF-E-BLKDEBUG-LIMIT': 'Cannot meet constraints with {name} {value}',
  'REF-E-OBJECT-TAKEN': "attempt to add duplicate property '{id}' to object (type 'container')",
  'REF-E-NO-OBJECT': "object '{id}' not found",
  'REF-E-OBJECT-IN-USE': "object '{id}' is in use, can not be deleted",
  'REF-E-NO-THREAD': 'Cannot find iothread {id}',
  'REF-E-THREAD-USED':
    'Node {node} is associated with a BlockBackend and could be in use (use force=true to override this check)',
  'REF-E-THREAD-RANGE': '{name} value must be in range [0, 9223372036854775807]',
  'REF-E-THREAD-POOL': 'bad thread-pool-min/thread-pool-max values',
  'REF-E-THREAD-FIXED': 'Cannot change iothread of active block backend',
  'REF-E-LIMIT': 'bps/iops/max values must be within [0, 1000000000000000]',
  'REF-E-LIMITS-TOGETHER': 'bps/iops/max total values and read/write values cannot be used at the same time',
  'REF-E-CBW-BITMAP':
    "Cannot create block-copy-state: Failed to merge bitmap '{name}' to internal copy-bitmap: {reason}",
  'REF-E-BUSY': "Node '{node}' is busy: {reason}",
  'REF-E-HAS-DEVICE': 'Node {node} is in use',
  'REF-E-OVERLAY-IN-USE': 'The overlay is already in use',
  'REF-E-OVERLAY-BACKED': 'The overlay already has a backing image',
  'REF-E-OVERLAY-FILTER': 'Filters cannot be used as overlays',
  'REF-E-OVERLAY-PLAIN': 'The overlay does not support backing images',
  'REF-E-OVERLAY-ALLOCATION':
    "Image '{node}' has no allocation bitmap, so it cannot have a backing file: make it with one",
  'REF-E-OVERLAY-NAME': 'New overlay node-name missing',
  'REF-E-OVERLAY-NAME-TAKEN': 'New overlay node-name already in use',
  'REF-E-FORMAT': "Unknown file format '{format}'",
  'REF-E-FORMAT-CREATE': "Format driver '{format}' does not support image creation",
  'REF-E-FORMAT-BACKING': "Backing file not supported for file format '{format}'",
  'REF-E-DRIVER': "Unknown driver '{driver}'",
  'REF-E-DRIVER-BACKING': "Driver '{driver}' of node '{node}' does not support backing files",
  'REF-E-PROTOCOL': "Unknown protocol '{protocol}'",
  'REF-E-PROTOCOL-CREATE': "Protocol driver '{protocol}' does not support image creation",
  'REF-E-OWN-BACKING': 'Error: Trying to create an image with the same filename as the backing file',
  'REF-E-BACKING-NAME':
    "Node '{node}' cannot be stored as a backing file: it has no file of a format of its own",
  'REF-E-NOT-ROOT': 'Need a root block node',
  'REF-E-NO-BACKING': 'not allowing backing file change on an image without a backing file',
  'REF-E-OTHER-CHAIN': "'{device}' and image file are not in the same chain",
  'REF-E-REOPEN-NAME': 'node-name not specified',
  'REF-E-REOPEN-DRIVER': "Block format '{driver}' used by node '{node}' does not support reopening files",
  'REF-E-REOPEN-RESET': "Option '{option}' cannot be reset to its default value",
  'REF-E-REOPEN-OPTION': "Cannot change the option '{option}'",
  'REF-E-REOPEN-BACKING': "backing is missing for '{node}'",
  'REF-E-REOPEN-DESCRIPTOR': "The descriptor of image '{node}' cannot be another file while it is open",
  'REF-E-REOPEN-FLUSH': 'Error flushing drive: {reason}',
  'REF-E-SNAPSHOT-FLUSH': 'An IO error has occurred',
  'REF-E-REOPEN-CHANGED': '{file} was changed by somebody else since it was opened',
  'REF-E-HELD': "The request waits at breakpoint '{tag}' of node '{node}'",
  'REF-E-DEVICE-IN-USE': "Device '{device}' is in use",
} as const;

export type BlockErrorId = keyof typeof BLOCK_ERRORS;

/** A refusal by a rule of NODES.md. */
export class BlockError extends Refusal {
  constructor(id: BlockErrorId, args: RefusalArgs = {}) {
    super(id, BLOCK_ERRORS[id], args);
    this.name = 'BlockError';
  }
}
