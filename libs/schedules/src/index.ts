/**
 * Looks at what is due and asks for it. Now the sweeper of operations; a schedule reads, rings and requests, and never
 * changes anything outside the database.
 */
export { Sweeper, type SweeperOptions } from './sweeper';
