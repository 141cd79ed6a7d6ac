/**
 * `commit_top`: the filter that a commit has above what it commits. It shows that, asks nothing of it, and forbids nothing, so
 * that what is below may be written. spec/job/commit/COMMIT.md, JOB-113.
 */
import { type JsonObject, jsonObject } from '../../json/value.js';
import type { Edge } from '../edge.js';
import { ALL, type Permissions } from '../permissions.js';
import { FilterDriver } from './filter.js';

export class CommitTopDriver extends FilterDriver {
  readonly name = 'commit_top';
  readonly isNamedAsChild = true;
  readonly forgetsLimits = true;

  childPermissions(_edge: Edge, _own: Permissions, _byUse: Permissions): Permissions {
    return { needs: 0, shares: ALL };
  }

  override describe(): JsonObject {
    return jsonObject({ driver: this.name, backing: this.file.child.shownOptions });
  }
}
