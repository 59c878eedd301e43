import { ArmError } from '../arm/arm-error';
import { Throttle, throttleLimits } from '../arm/pipeline/throttle';
import { type Principal } from '../arm/principal';
import { type EmulatorClock } from '../clock/emulator-clock';
import { TokenRefusedError, type AccessTokens } from '../entra/access-tokens';
import { type ServerRequest, type ServerResponse } from '../server/route';

/** The resource that tokens for the metering service are asked for. */
const METERING_AUDIENCE = '20e940b3-4c77-4b0b-9a53-9e16a1b010a7';
const API_VERSION = '2018-08-31';

export interface MeteringGateParts {
  readonly tokens: AccessTokens;
  readonly clock: EmulatorClock;
  /** Calls that a publisher may send for long. */
  readonly callsPerSecond: number;
}

/** What every call to the metering service passes, and the shape in which the service refuses. */
export class MeteringGate {
  readonly #tokens: AccessTokens;
  readonly #throttle: Throttle;

  constructor({ tokens, clock, callsPerSecond }: MeteringGateParts) {
    this.#tokens = tokens;
    this.#throttle = new Throttle(clock, throttleLimits(callsPerSecond, callsPerSecond));
  }

  /** Answers by `handle` for a caller with a token for the service; ids of the request are echoed. */
  async pass(request: ServerRequest, handle: (caller: Principal) => ServerResponse): Promise<ServerResponse> {
    const ids = Object.fromEntries(
      ['x-ms-requestid', 'x-ms-correlationid'].flatMap((name) => {
        const value = request.headers[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    try {
      const caller = await this.#authenticate(request.headers['authorization']);
      requireApiVersion(request.query);
      this.#throttle.take(request.method, caller, undefined);
      const answer = handle(caller);
      return { ...answer, headers: { ...ids, ...answer.headers } };
    } catch (error) {
      if (!(error instanceof ArmError)) throw error;
      const { status, code, message, headers } = error;
      return { status, headers: { ...ids, ...headers }, body: { code, message } };
    }
  }

  async #authenticate(header: string | undefined): Promise<Principal> {
    const token = /^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1];
    const refused = (message: string) => new ArmError(403, 'Forbidden', message);
    if (token === undefined) throw refused('The authorization token is not provided.');
    try {
      return await this.#tokens.verify(token, [METERING_AUDIENCE]);
    } catch (error) {
      if (error instanceof TokenRefusedError) throw refused(`The authorization token is refused: ${error.refusal.reason}.`);
      throw error;
    }
  }
}

function requireApiVersion(query: URLSearchParams): void {
  const version = [...query].find(([name]) => name.toLowerCase() === 'api-version')?.[1];
  if (version === API_VERSION) return;
  throw new ArmError(400, 'BadArgument', `The api-version '${version ?? ''}' is not supported: it is '${API_VERSION}'.`);
}
