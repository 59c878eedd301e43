/** A number with its noun: `1 cluster`, `3 clusters`. */
export const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
