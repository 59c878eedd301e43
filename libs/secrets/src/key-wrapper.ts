/** A data key as it may be stored: useless without the key-encryption key named by `keyVersion`. */
export interface WrappedKey {
  readonly wrapped: Uint8Array<ArrayBuffer>;
  /** Which key-encryption key wrapped it; tells after a rotation which one unwraps. */
  readonly keyVersion: string;
}

/**
 * Holder of the key-encryption key; the key itself never leaves it, so a remote one (Azure Key Vault's wrapKey and
 * unwrapKey) fits as well as a local file. `owner` is bound to the wrapped key where the holder can do that.
 * Both throw `TransientError` when the holder cannot be reached.
 */
export interface KeyWrapper {
  wrap(dataKey: Uint8Array, owner: string): Promise<WrappedKey>;
  /** Throws `SecretUnreadableError` when the wrapped key was not made by this holder for this owner. */
  unwrap(key: WrappedKey, owner: string): Promise<Uint8Array>;
}
