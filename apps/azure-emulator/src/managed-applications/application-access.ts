import { createHash } from 'node:crypto';
import { systemPrincipal } from '../arm/principal';
import type { Platform } from '../arm/resource-provider';
import type { Definition } from './application-definitions';

/** The same name for the same things, so that doing it twice changes nothing. */
function nameFor(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('|').toLowerCase()).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Built-in role of that name. */
const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7';

/** What the deny assignment of a lock level forbids. */
const FORBIDDEN = {
  ReadOnly: { actions: ['*'], notActions: ['*/read'] },
  CanNotDelete: { actions: ['*/delete'], notActions: [] },
} as const;

/** Who may do what in a managed resource group: the publisher by its roles, everybody else only what the lock level leaves. */
export class ApplicationAccess {
  constructor(private readonly platform: Pick<Platform, 'resources' | 'denyAssignments'>) {}

  /** Brings role assignments and the deny assignment into line with the definition. */
  async apply(applicationId: string, groupId: string, definition: Definition): Promise<void> {
    this.denyOthers(applicationId, groupId, definition);
    for (const { principalId, roleDefinitionId } of definition.authorizations) {
      await this.grant(groupId, principalId, roleDefinitionId.split('/').at(-1) ?? '');
      // The publisher checks a notification by reading the application, which lies outside the managed group.
      await this.grant(applicationId, principalId, READER);
    }
  }

  remove(applicationId: string, groupId: string): void {
    this.platform.denyAssignments.remove(groupId, nameFor(applicationId, groupId));
  }

  private async grant(scope: string, principalId: string, role: string): Promise<void> {
    const subscription = scope.split('/').slice(0, 3).join('/');
    await this.platform.resources.put(
      `${scope}/providers/Microsoft.Authorization/roleAssignments/${nameFor(scope, principalId, role)}`,
      {
        properties: {
          principalId,
          roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
        },
      },
      systemPrincipal,
    );
  }

  private denyOthers(applicationId: string, groupId: string, definition: Definition): void {
    const { lockLevel, allowedActions, authorizations } = definition;
    if (lockLevel === 'None') {
      this.remove(applicationId, groupId);
      return;
    }
    const { actions, notActions } = FORBIDDEN[lockLevel];
    this.platform.denyAssignments.put({
      name: nameFor(applicationId, groupId),
      scope: groupId,
      displayName: `Deny assignment created by managed application '${applicationId}'`,
      description: 'The customer of a managed application reads what is in its resource group; the publisher runs it.',
      actions: [...actions],
      notActions: [...notActions, ...allowedActions],
      principals: 'everyone',
      excludePrincipals: authorizations.map(({ principalId }) => principalId),
    });
  }
}
