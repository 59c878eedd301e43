/** The part of autocannon that the benchmarks use; the package carries no types. */
declare module 'autocannon' {
  interface RequestToSend {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string;
    setupRequest?: (request: RequestToSend) => RequestToSend;
  }
  interface LoadOptions {
    url: string;
    connections: number;
    duration: number;
    requests: RequestToSend[];
  }
  interface LoadResult {
    duration: number;
    errors: number;
    timeouts: number;
    non2xx: number;
    requests: { total: number };
    latency: { p50: number; p99: number };
  }
  function autocannon(options: LoadOptions): Promise<LoadResult>;
  export = autocannon;
}
