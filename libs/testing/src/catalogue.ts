/** The catalogue of a new service, for tests whose rules look things up in it. */
export { seedCatalogue } from '../../../prisma/seed/seed-catalogue';
