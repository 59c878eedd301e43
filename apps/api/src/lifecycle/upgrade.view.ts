import type { z } from 'zod';
import type { upgradeHopSchema, upgradePreviewSchema, upgradeVersionSchema } from '@managed-consul/api-contract';
import type { UpgradeHop, UpgradeVersion } from '@managed-consul/consul-versions';
import type { UpgradePreview } from '@managed-consul/upgrades';

const showReason = ({ code, message }: { code: string; message: string }) => ({ code, message });

const showHop = ({ version, warnings }: UpgradeHop): z.infer<typeof upgradeHopSchema> => ({
  version,
  warnings: warnings.map(showReason),
});

/** A version that a cluster could go to, or not, as customers see it. */
export const showUpgradeVersion = ({ version, status, plan }: UpgradeVersion): z.infer<typeof upgradeVersionSchema> => ({
  version,
  status,
  hops: plan.kind === 'plan' ? plan.hops.map(showHop) : [],
  obstacle: plan.kind === 'refusal' ? showReason(plan) : null,
});

/** What an upgrade would do, as customers see it. */
export const showUpgradePreview = (preview: UpgradePreview): z.infer<typeof upgradePreviewSchema> => ({
  from: preview.from,
  to: preview.to,
  hops: preview.hops.map(showHop),
  serverOrder: preview.order,
  canGoBack: preview.canGoBack,
  interruptsService: preview.interruptsService,
  nextWindowOpensAt: preview.nextWindow?.toISOString() ?? null,
  obstacles: preview.obstacles.map(showReason),
});
