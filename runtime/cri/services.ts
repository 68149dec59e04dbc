import type { Implementation } from '../core/service.ts';
import { ImageService, RuntimeService } from '../spec/cri/api_pb.js';
import { attach } from './attach.ts';
import { containerStats } from './container-stats.ts';
import { containerStatus } from './container-status.ts';
import { createContainer } from './create-container.ts';
import type { Daemon } from './daemon.ts';
import { exec } from './exec.ts';
import { execSync } from './exec-sync.ts';
import { getContainerEvents } from './get-container-events.ts';
import { imageFsInfo } from './image-fs-info.ts';
import { imageStatus } from './image-status.ts';
import { listContainerStats, streamContainerStats } from './list-container-stats.ts';
import { listContainers, streamContainers } from './list-containers.ts';
import { listImages, streamImages } from './list-images.ts';
import { listMetricDescriptors } from './list-metric-descriptors.ts';
import { listPodSandbox, streamPodSandboxes } from './list-pod-sandbox.ts';
import { listPodSandboxMetrics, streamPodSandboxMetrics } from './list-pod-sandbox-metrics.ts';
import { listPodSandboxStats, streamPodSandboxStats } from './list-pod-sandbox-stats.ts';
import { podSandboxStats } from './pod-sandbox-stats.ts';
import { podSandboxStatus } from './pod-sandbox-status.ts';
import { portForward } from './port-forward.ts';
import { pullImage } from './pull-image.ts';
import { removeContainer } from './remove-container.ts';
import { removeImage } from './remove-image.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { reopenContainerLog } from './reopen-container-log.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { runtimeConfig } from './runtime-config.ts';
import { startContainer } from './start-container.ts';
import { status } from './status.ts';
import { stopContainer } from './stop-container.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { type Call, implement } from './transport.ts';
import { updateContainerResources } from './update-container-resources.ts';
import { updatePodSandboxResources } from './update-pod-sandbox-resources.ts';
import { updateRuntimeConfig } from './update-runtime-config.ts';
import { version } from './version.ts';

/** The services of CRI v1 as this daemon serves them. What is not listed answers UNIMPLEMENTED. */
export const criServices = (daemon: Daemon): readonly Implementation[] => {
  /** The handler as the transport calls it. */
  const of =
    <Request, Answer>(handler: (daemon: Daemon, request: Request, call: Call) => Answer) =>
    (request: Request, call: Call) =>
      handler(daemon, request, call);
  return [
    implement(RuntimeService, {
      version: of(version),
      status: of(status),
      runtimeConfig: of(runtimeConfig),
      updateRuntimeConfig: of(updateRuntimeConfig),
      runPodSandbox: of(runPodSandbox),
      stopPodSandbox: of(stopPodSandbox),
      removePodSandbox: of(removePodSandbox),
      podSandboxStatus: of(podSandboxStatus),
      listPodSandbox: of(listPodSandbox),
      streamPodSandboxes: of(streamPodSandboxes),
      createContainer: of(createContainer),
      startContainer: of(startContainer),
      stopContainer: of(stopContainer),
      removeContainer: of(removeContainer),
      containerStatus: of(containerStatus),
      listContainers: of(listContainers),
      streamContainers: of(streamContainers),
      execSync: of(execSync),
      exec: of(exec),
      attach: of(attach),
      portForward: of(portForward),
      reopenContainerLog: of(reopenContainerLog),
      updateContainerResources: of(updateContainerResources),
      updatePodSandboxResources: of(updatePodSandboxResources),
      containerStats: of(containerStats),
      listContainerStats: of(listContainerStats),
      streamContainerStats: of(streamContainerStats),
      podSandboxStats: of(podSandboxStats),
      listPodSandboxStats: of(listPodSandboxStats),
      streamPodSandboxStats: of(streamPodSandboxStats),
      listMetricDescriptors: of(listMetricDescriptors),
      listPodSandboxMetrics: of(listPodSandboxMetrics),
      streamPodSandboxMetrics: of(streamPodSandboxMetrics),
      getContainerEvents: of(getContainerEvents),
    }),
    implement(ImageService, {
      listImages: of(listImages),
      streamImages: of(streamImages),
      imageStatus: of(imageStatus),
      pullImage: of(pullImage),
      removeImage: of(removeImage),
      imageFsInfo: of(imageFsInfo),
    }),
  ];
};
