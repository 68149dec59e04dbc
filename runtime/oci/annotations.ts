import type { SpecInput } from './input.ts';

/** By these a pod configures the virtual machine that Kata Containers makes for it. */
const KATA = 'io.katacontainers.';

/** Those for the virtual machine that a handler's allowed_annotations has; others stay inert. */
export const machineAnnotations = (
  annotations: Readonly<Record<string, string>>,
  allowed: readonly string[],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(annotations).filter(
      ([name]) =>
        name.startsWith(KATA) && allowed.some((beginning) => beginning !== '' && name.startsWith(beginning)),
    ),
  );

const PART_OF_POD = {
  'io.kubernetes.cri-o.ContainerType': 'container',
  'io.kubernetes.cri.container-type': 'container',
};

/**
 * What OCI runtimes and hooks may know of the container, under the names they look for. The pod's and the
 * container's own annotations stay out: runc turns `org.systemd.property.*` into unit properties (CVE-2024-3154),
 * crun obeys `run.oci.*`, and whoever writes a pod could write those.
 */
export const ociAnnotations = ({
  containerId,
  podId,
  container,
  pod,
  image,
  ownKernel,
}: SpecInput): Record<string, string> => ({
  ...(ownKernel ? {} : PART_OF_POD),
  'io.kubernetes.cri-o.ContainerID': containerId,
  'io.kubernetes.cri-o.SandboxID': podId,
  'io.kubernetes.cri-o.ImageName': image.reference,
  'io.kubernetes.cri.sandbox-id': podId,
  'io.kubernetes.container.name': container.metadata?.name ?? '',
  'io.kubernetes.pod.name': pod.metadata?.name ?? '',
  'io.kubernetes.pod.namespace': pod.metadata?.namespace ?? '',
  'io.kubernetes.pod.uid': pod.metadata?.uid ?? '',
});
