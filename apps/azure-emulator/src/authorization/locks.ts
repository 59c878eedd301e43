import { ArmError } from '../arm/arm-error';
import { idKey } from '../arm/resource-id';
import { type Principal } from '../arm/principal';
import { type StoredResource } from '../arm/resource';
import { type ResourceStore } from '../arm/resource-store';
import { scopeChain } from './access-control';

export const LOCKS = 'Microsoft.Authorization/locks';

const scopeOfLock = (lock: StoredResource): string =>
  lock.id.slice(0, lock.id.toLowerCase().lastIndexOf('/providers/microsoft.authorization/locks'));

/** Management locks: `CanNotDelete` refuses DELETE, `ReadOnly` every change, at the lock's scope and below it. */
export class Locks {
  readonly #resources: ResourceStore;

  constructor(resources: ResourceStore) {
    this.#resources = resources;
  }

  /**
   * Throws `ScopeLocked` (409). A deletion is also refused by locks below `scope`, since it would take what they hold. Locks
   * and role assignments themselves can always be changed by who has the role for it.
   */
  require(caller: Principal, change: 'write' | 'delete', scope: string): void {
    if (caller.type === 'System' || isLock(scope)) return;
    const above = scopeChain(scope).flatMap((one) => this.#resources.listBelow(`${one}/providers/${LOCKS}`));
    const below = change === 'delete' ? this.#resources.listByType(LOCKS, scope) : [];
    const holding = [...above, ...below].filter(({ properties }) => change === 'delete' || properties['level'] === 'ReadOnly');
    if (holding.length === 0) return;
    const scopes = [...new Set(holding.map((lock) => `'${scopeOfLock(lock)}'`))].join(',');
    const message = `The scope '${scope}' cannot perform ${change} operation because following scope(s) are locked: ${scopes}. Please remove the lock and try again.`;
    throw new ArmError(409, 'ScopeLocked', message);
  }
}

const isLock = (scope: string): boolean => idKey(scope).includes('/providers/microsoft.authorization/locks/');
