import { z } from 'zod';

/** What can be made anew while the cluster works on. */
export const rotationTargetSchema = z
  .enum(['GossipKey', 'ServerCertificates', 'CertificateAuthority', 'AgentTokens', 'ConnectAuthority'])
  .meta({
    description:
      'GossipKey and CertificateAuthority change the client bundle: give clients the new one when the history says so.',
  });

export const createRotationRequestSchema = z
  .strictObject({ what: rotationTargetSchema })
  .meta({ id: 'CreateRotationRequest', description: 'What it replaces is taken away once the new is proved to work.' });
