import { strToU8, zipSync } from 'fflate';
import type { ClientBundleBody } from '@managed-consul/api-contract';
import { CLIENT_BUNDLE_FILES } from '@managed-consul/clusters';

/** The files of a client bundle in a zip archive. */
export const zipBundle = (bundle: ClientBundleBody): Buffer =>
  Buffer.from(
    zipSync({
      [CLIENT_BUNDLE_FILES.authority]: strToU8(bundle.caPem),
      [CLIENT_BUNDLE_FILES.configuration]: strToU8(`${JSON.stringify(bundle.clientConfiguration, undefined, 2)}\n`),
      'README.md': strToU8(bundle.readme),
    }),
  );
