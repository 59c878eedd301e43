/** Addresses of machines: each gets one of a block of loopback addresses and keeps it until it is deleted. */

const OCTETS = 4;

/** A block of IPv4 loopback addresses in CIDR form. The constructor throws with a sentence when it is not one. */
export class AddressBlock {
  readonly #first: number;
  readonly #size: number;
  readonly prefixLength: number;
  readonly networkAddress: string;

  constructor(cidr: string) {
    const match = /^(127(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(cidr);
    const octets = match?.[1]?.split('.').map(Number) ?? [];
    const prefixLength = Number(match?.[2]);
    if (octets.length !== OCTETS || octets.some((octet) => octet > 255) || prefixLength < 8 || prefixLength > 30) {
      throw new Error(
        `MACHINE_ADDRESS_BLOCK must be a block inside 127.0.0.0/8 with /8 to /30, such as 127.31.0.0/16; it is "${cidr}".`,
      );
    }
    this.prefixLength = prefixLength;
    this.#size = 2 ** (32 - prefixLength);
    const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    this.#first = address - (address % this.#size);
    this.networkAddress = toText(this.#first);
  }

  /** Whether the address belongs to the block. */
  contains(address: string): boolean {
    const number = toNumber(address);
    return number >= this.#first && number < this.#first + this.#size;
  }

  /**
   * The addresses to try, in order, after `previous`: once round the block, without those of `taken` and without hosts 0
   * and 255, which read as network and broadcast. Going round keeps a deleted machine's address unused for long.
   */
  *candidates(previous: string | undefined, taken: ReadonlySet<string>): Generator<string> {
    const start = previous !== undefined && this.contains(previous) ? toNumber(previous) - this.#first + 1 : 1;
    for (let step = 0; step < this.#size; step += 1) {
      const address = this.#first + ((start + step) % this.#size);
      const lastOctet = address % 256;
      if (lastOctet === 0 || lastOctet === 255 || toText(address) === '127.0.0.1') continue;
      if (!taken.has(toText(address))) yield toText(address);
    }
  }
}

const toNumber = (address: string): number => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

const toText = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
