/** Where a server is to listen, and places that are none, whatever the machine is like. NBD.md, NBD-043. */
import { NbdError } from './errors.js';

/** As the command says it. */
export interface NbdAddress {
  readonly type: 'inet' | 'unix' | 'vsock' | 'fd';
  readonly data: object;
}

/** @throws NbdError NBD-E-FAMILIES, NBD-E-CID, NBD-E-VSOCK-PORT */
export function checkAddress({ type, data }: NbdAddress): void {
  if (type === 'inet') {
    const { ipv4, ipv6 } = data as { readonly ipv4?: boolean; readonly ipv6?: boolean };
    if (ipv4 === false && ipv6 === false) throw new NbdError('NBD-E-FAMILIES');
  }
  if (type === 'vsock') {
    const { cid, port } = data as { readonly cid: string; readonly port: string };
    if (!isNumber(cid)) throw new NbdError('NBD-E-CID', { cid });
    if (!isNumber(port)) throw new NbdError('NBD-E-VSOCK-PORT', { port });
  }
}

/** A number of 32 bits without a sign, in digits. */
function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text) && Number(text) < 2 ** 32;
}
