import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import { type Store } from '../store/store';

interface StoredKey {
  kid: string;
  privateJwk: JWK;
}

/** The RS256 key that signs every token; made at the first start and kept. */
export class SigningKeys {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly #publicJwk: JWK;

  private constructor(kid: string, privateKey: CryptoKey, publicKey: CryptoKey, publicJwk: JWK) {
    this.kid = kid;
    this.privateKey = privateKey;
    this.publicKey = publicKey;
    this.#publicJwk = publicJwk;
  }

  static async open(store: Store): Promise<SigningKeys> {
    const keys = store.collection<StoredKey>('signing-keys');
    const stored = keys.get('current') ?? (await SigningKeys.#make());
    keys.put('current', stored);
    const { n, e, kty } = stored.privateJwk;
    const publicJwk: JWK = { kty: kty ?? 'RSA', use: 'sig', alg: 'RS256', kid: stored.kid, n: n ?? '', e: e ?? '' };
    const privateKey = (await importJWK(stored.privateJwk, 'RS256')) as CryptoKey;
    const publicKey = (await importJWK(publicJwk, 'RS256')) as CryptoKey;
    return new SigningKeys(stored.kid, privateKey, publicKey, publicJwk);
  }

  static async #make(): Promise<StoredKey> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const privateJwk = await exportJWK(privateKey);
    const kid = createHash('sha256').update(String(privateJwk.n)).digest('base64url').slice(0, 27);
    return { kid, privateJwk };
  }

  /** The key set that verifiers fetch; `x5t` is what Microsoft's libraries look for beside `kid`. */
  keySet(): { keys: JWK[] } {
    return { keys: [{ ...this.#publicJwk, x5t: this.kid }] };
  }
}
