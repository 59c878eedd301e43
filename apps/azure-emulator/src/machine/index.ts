/**
 * A scale-set instance as a real machine, as far as a control plane can tell: an address of its own, a metadata service
 * with identity tokens, a disk, a cloud-config that is carried out, and services that are watched and outlive the emulator.
 * Knows nothing of Resource Manager: who makes a machine describes it.
 */
export { MachineHost, newVmId, type MachineHostOptions } from './machine-host';
export { type Machine } from './machine';
export { macAddressOf } from './metadata-document';
export {
  MachineTokenRefused,
  type MachineDescription,
  type MachineIdentity,
  type MachinePower,
  type MachineRecord,
  type MachineToken,
  type MachineTokenSource,
} from './machine.types';
