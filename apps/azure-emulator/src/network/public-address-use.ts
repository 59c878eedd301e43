import { ArmError } from '../arm/arm-error';
import type { NetworkReferences } from './references';
import { NAMESPACE } from './versions';

/**
 * Checks that `owner` may hold the public address: it exists, is Standard, and nobody else holds it. Throws
 * `InvalidResourceReference`, `PublicIPAndLBSkuDoNotMatch` or `PublicIPAddressInUse` (400).
 */
export async function requirePublicAddress(references: NetworkReferences, owner: string, address: string): Promise<void> {
  const found = await references.require(owner, address, `${NAMESPACE}/publicIPAddresses`);
  if (found.sku?.['name'] !== 'Standard') {
    throw new ArmError(
      400,
      'PublicIPAndLBSkuDoNotMatch',
      `Standard sku resource ${owner} cannot reference Basic sku publicIP ${found.id}.`,
    );
  }
  const [other] = references.usersOf(found.id, owner);
  if (other === undefined) return;
  throw new ArmError(
    400,
    'PublicIPAddressInUse',
    `Resource ${owner} is referencing public IP address ${found.id} that is already allocated to resource ${other}.`,
  );
}
