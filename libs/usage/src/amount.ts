/** Digits after the point that a price may have. */
export const PRICE_DIGITS = 12;

/** Seconds of an hour times bytes of a GiB: whatever is metered is a whole number of these parts of a priced unit. */
const PARTS = 3600n * 2n ** 30n;
const PRICE_SCALE = 10n ** BigInt(PRICE_DIGITS);
const DECIMAL = new RegExp(`^\\d{1,12}(\\.\\d{1,${PRICE_DIGITS}})?$`);

/** Whether the text is an amount that is not negative, with at most twelve digits on either side of the point. */
export const isDecimal = (text: string): boolean => DECIMAL.test(text);

/** A decimal text as a whole number of its `digits`-th digits. Throws for digits beyond. */
export function scaled(text: string, digits: number): bigint {
  if (!isDecimal(text)) throw new Error(`"${text}" is not a decimal amount.`);
  const [whole = '0', fraction = ''] = text.split('.');
  if (fraction.length > digits) throw new Error(`"${text}" has more than ${digits} digits after the point.`);
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

/** `numerator / denominator` to the nearest whole number; a half goes to the even one, as banks round. */
export function roundHalfEven(numerator: bigint, denominator: bigint): bigint {
  const sign = numerator < 0n ? -1n : 1n;
  const absolute = numerator * sign;
  const whole = absolute / denominator;
  const twice = (absolute % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && whole % 2n === 1n);
  return sign * (up ? whole + 1n : whole);
}

/** A whole number of `digits`-th digits as decimal text, with all its digits. */
export function unscaled(value: bigint, digits: number): string {
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const sign = value < 0n ? '-' : '';
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/**
 * An amount of money, exact: sums of any length and order are the same to the last digit, because nothing is rounded before it
 * is shown. Never a floating-point number.
 */
export class Amount {
  static readonly ZERO = new Amount(0n);
  /** In parts of 10^-12 of the currency. */
  readonly #raw: bigint;

  private constructor(raw: bigint) {
    this.#raw = raw;
  }

  /** `parts` of a unit (1/3600 of 1/2^30) at a price for the whole unit. */
  static of(parts: bigint, unitPrice: string): Amount {
    return new Amount(parts * scaled(unitPrice, PRICE_DIGITS));
  }

  static sum(amounts: readonly Amount[]): Amount {
    return new Amount(amounts.reduce((total, { raw }) => total + raw, 0n));
  }

  private get raw(): bigint {
    return this.#raw;
  }

  plus(other: Amount): Amount {
    return new Amount(this.#raw + other.raw);
  }

  /** A whole number of times. */
  times(count: number): Amount {
    return new Amount(this.#raw * BigInt(count));
  }

  /** Whether this is at least `percent` of `whole`, a decimal text. */
  reaches(percent: number, whole: string): boolean {
    return this.#raw * 100n >= scaled(whole, PRICE_DIGITS) * PARTS * BigInt(percent);
  }

  /** As decimal text with that many digits after the point, the half rounded to the even digit. */
  toText(digits = 6): string {
    return unscaled(roundHalfEven(this.#raw * 10n ** BigInt(digits), PARTS * PRICE_SCALE), digits);
  }
}
