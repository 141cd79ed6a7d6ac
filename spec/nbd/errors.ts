/** What exports are refused with. NBD.md has the same table; the texts are those of QEMU 7.2. */
import { Refusal, type RefusalArgs } from '../refusal.js';

/** Text templates by id. */
export const NBD_ERRORS = {
  'NBD-E-NOT-RUNNING': 'NBD server not running',
  'NBD-E-RUNNING': 'NBD server already running',
  'NBD-E-BIND': 'Failed to bind socket to {address}: {reason}',
  'NBD-E-ADDRESS': "An address of type '{type}' is not possible here",
  'NBD-E-FAMILIES': 'Cannot disable IPv4 and IPv6 at same time',
  'NBD-E-CID': "Failed to parse cid '{cid}'",
  'NBD-E-VSOCK-PORT': "Failed to parse port '{port}'",
  'NBD-E-TLS': "No TLS credentials with id '{id}'",
  'NBD-E-ID': 'Invalid block export id',
  'NBD-E-ID-TAKEN': "Block export id '{id}' is already in use",
  'NBD-E-NAME-TAKEN': "NBD server already has export named '{name}'",
  'NBD-E-NAME-LONG': "export name '{name}' too long",
  'NBD-E-DESCRIPTION-LONG': "description '{description}' too long",
  'NBD-E-READ-ONLY': 'Cannot export read-only node as writable',
  'NBD-E-BITMAP': "Bitmap '{name}' is not found",
  'NBD-E-BITMAP-ENABLED': "Enabled bitmap '{name}' incompatible with readonly export",
  'NBD-E-NO-EXPORT': "Export '{id}' is not found",
  'NBD-E-EXPORT-IN-USE': "export '{id}' still in use",
  'NBD-E-IOTHREAD': 'iothread "{id}" not found',
} as const;

export type NbdErrorId = keyof typeof NBD_ERRORS;

/** A refusal by a rule of NBD.md. */
export class NbdError extends Refusal {
  constructor(id: NbdErrorId, args: RefusalArgs = {}) {
    super(id, NBD_ERRORS[id], args);
    this.name = 'NbdError';
  }
}
