/**
 * Transactions: several actions of which all happen or none. TRANSACTIONS.md, TXN-001 to TXN-012.
 *
 * An action is prepared, and then either committed or aborted. Preparing may already change things, so that the next
 * action sees them; aborting takes exactly that back.
 */
import { defineError } from './errors.js';

/** What an action has left to do once it is prepared. */
export interface Prepared {
  /** makes it final; can fail only if a storage does */
  commit?(): void;
  /** what has to wait until all actions are final; can fail only if a storage does */
  after?(): void;
  /** takes back what preparing did; cannot fail */
  abort?(): void;
}

/** Prepares an action, or throws a refusal and has changed nothing. */
export type Prepare = () => Prepared;

export const transactionAborted = defineError(
  'TXN-E-ABORT',
  'GenericError',
  'Transaction aborted using Abort action',
);
export const completionMode = defineError(
  'TXN-E-COMPLETION-MODE',
  'GenericError',
  "Action '{action}' does not support Transaction property completion-mode = {mode}",
);

export const TRANSACTION_ERRORS = [transactionAborted, completionMode] as const;

/** @throws what the first action that could not be prepared threw; then nothing has changed */
export function runTransaction(actions: readonly Prepare[]): void {
  const prepared: Prepared[] = [];
  try {
    // TXN-001: in order; TXN-002: the first failure stops
    for (const prepare of actions) prepared.push(prepare());
  } catch (refusal) {
    // TXN-003: in reverse, so that each finds what it left behind
    for (const action of prepared.reverse()) action.abort?.();
    throw refusal;
  }
  commitAll(prepared);
}

/** A commit that a storage keeps from its end does not keep the others from theirs. @throws what the first such commit threw */
function commitAll(prepared: readonly Prepared[]): void {
  const failures: unknown[] = [];
  const steps = [...prepared.map(({ commit }) => commit), ...prepared.map(({ after }) => after)];
  for (const step of steps) {
    try {
      step?.();
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length > 0) throw failures[0];
}
