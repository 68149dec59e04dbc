import type { Config, RuntimeHandler } from '../config/config.ts';
import type { ImageStore, PullImage } from '../images/store/image.ts';
import type { Nri } from '../nri/nri.ts';
import type { AppArmor } from '../oci/apparmor.ts';
import type { HostFacts } from '../oci/input.ts';
import type { PodContext } from '../pods/context.ts';
import type { CgroupReader } from '../resources/usage/usage.ts';
import type { StreamingServer } from '../streaming/server.ts';
import type { ContainerEvents } from './container-events.ts';
import type { HandlerFeatures } from './handler-features.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Stats } from './stats/stats.ts';

/** Everything that the handlers work with; `berthd.ts` puts it together. */
export interface Daemon extends PodContext {
  /** As it was read at the start. */
  readonly config: Config;
  /** The same, with what SIGHUP has brought since. */
  readonly configInForce: () => Config;
  /** Version of this release of berth. */
  readonly release: string;
  readonly host: HostFacts;
  readonly images: ImageStore;
  readonly pullImage: PullImage;
  readonly streaming: StreamingServer;
  /** Plugins, as far as there are any. */
  readonly hooks: Nri;
  readonly events: ContainerEvents;
  readonly cgroupReader: CgroupReader;
  readonly stats: Stats;
  readonly metrics: Metrics;
  /** AppArmor as it is now; undefined: the host has none. */
  readonly appArmor: () => Promise<AppArmor | undefined>;
  /** What the OCI runtime behind a handler can do. */
  readonly handlerFeatures: (handler: RuntimeHandler) => Promise<HandlerFeatures>;
}
