/** What a machine is told about itself when it is made, and what the emulator remembers of it. */
import type { ProcessIdentity } from './process-table';

/** Power as Azure names it in `PowerState/<power>`. */
export type MachinePower = 'running' | 'stopped' | 'deallocated';

export interface MachineImage {
  readonly publisher: string;
  readonly offer: string;
  readonly sku: string;
  readonly version: string;
}

/** The facts that the resource manager knows of a machine: shown by its metadata service, used by its first boot. */
export interface MachineDescription {
  /** Name of the instance, e.g. `servers_0`. */
  readonly name: string;
  readonly computerName: string;
  readonly resourceId: string;
  readonly subscriptionId: string;
  readonly resourceGroupName: string;
  readonly location: string;
  readonly vmScaleSetName: string;
  readonly vmSize: string;
  readonly zone?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly image: MachineImage;
  readonly adminUsername: string;
  /** Base64, as the resource manager got it. */
  readonly customData?: string;
  /** Resource ids of the managed identities that the machine may take tokens of. */
  readonly identities: readonly string[];
}

/** How the first boot went. `error` is a sentence for the person who wrote the cloud-config. */
export interface MachineProvisioning {
  readonly state: 'creating' | 'succeeded' | 'failed';
  readonly error?: string;
  readonly finishedAt?: string;
}

/** What is remembered of one service of a machine. */
export interface ServiceRecord {
  /** Whether it should run: set by start, cleared by stop. */
  wanted: boolean;
  state: 'active' | 'inactive' | 'failed' | 'restarting';
  /** Marks the processes of one start, also those whose pid could not be written down before the emulator died. */
  invocationId?: string;
  process?: ProcessIdentity;
  restarts: number;
  lastExit?: string;
}

export interface MachineRecord {
  readonly vmId: string;
  readonly address: string;
  /** Port of its metadata service; its processes were told, so it never changes. */
  readonly metadataPort: number;
  readonly createdAt: string;
  description: MachineDescription;
  power: MachinePower;
  /** The emulator ended the machine together with itself: it boots when the emulator starts again. */
  bootsWithEmulator: boolean;
  provisioning: MachineProvisioning;
  /** Accounts that cloud-config made, beside those of the image. */
  accounts: string[];
  services: Record<string, ServiceRecord>;
}

/** A managed identity as the metadata service names it in answers and errors. */
export interface MachineIdentity {
  readonly resourceId: string;
  readonly clientId: string;
  readonly principalId: string;
}

export interface MachineToken {
  readonly accessToken: string;
  /** Seconds since the epoch, by the emulator's clock. */
  readonly notBefore: number;
  readonly expiresOn: number;
  readonly expiresInSeconds: number;
}

/** Entra ID would not give the token; the message is what the metadata service hands on. */
export class MachineTokenRefused extends Error {}

/** Where a machine's tokens come from: the emulated Entra ID. */
export interface MachineTokenSource {
  /** The identity of that resource id, or undefined when it no longer exists. */
  findIdentity(resourceId: string): Promise<MachineIdentity | undefined>;
  /** A token of `identity` for `resource` (an audience). Rejects with `MachineTokenRefused` when there is no such audience. */
  issueToken(identity: MachineIdentity, resource: string): Promise<MachineToken>;
}
