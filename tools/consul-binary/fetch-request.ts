/** What a way of fetching Consul is asked for. It leaves the program somewhere under `scratch` and gives its path. */
export interface FetchRequest {
  scratch: string;
  version: string;
  /** `amd64` or `arm64`. */
  architecture: string;
  say: (line: string) => void;
}
