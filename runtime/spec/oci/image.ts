/** An algorithm and its lower-case hexadecimal sum, e.g. `sha256:9f86…`: OCI image specification, descriptor.md. */
export type Digest = `sha256:${string}`;

/** The configuration of an image: OCI image specification, config.md. */
export interface OciImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  config?: {
    User?: string;
    Env?: string[];
    Entrypoint?: string[] | null;
    Cmd?: string[] | null;
    WorkingDir?: string;
    Labels?: Record<string, string> | null;
    StopSignal?: string;
    Volumes?: Record<string, unknown> | null;
    ExposedPorts?: Record<string, unknown> | null;
  };
  rootfs: { type: 'layers'; diff_ids: Digest[] };
}
