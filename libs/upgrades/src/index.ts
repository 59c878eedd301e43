/**
 * Upgrades as a domain: which versions a cluster can go to, what an upgrade would do, and the requests that record one, by a
 * customer or in the maintenance window. Requests write rows and nothing else; workers act. Knows no Azure and no Consul.
 */
export { deferUpgrades, LONGEST_DEFERRAL_DAYS, type DeferUpgradesWish } from './defer-upgrades.request';
export { requestAutomaticUpgrade, type AutomaticUpgrade } from './automatic-upgrade.request';
export { decideUpgrade, requestUpgrade, type UpgradeClusterWish } from './upgrade.request';
export { listVersionsForUpgrade, previewUpgrade, type UpgradePreview } from './upgrade-preview';
