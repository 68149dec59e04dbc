import { z } from 'zod';

/* The parts that we read of crictl's JSON answers, which are the CRI messages in protobuf's JSON form. */

const podStatus = z.object({
  status: z.object({
    state: z.string(),
    network: z.object({
      ip: z.string().default(''),
      additionalIps: z.array(z.object({ ip: z.string() })).default([]),
    }),
  }),
});

const containerStatus = z.object({
  status: z.object({
    state: z.string(),
    exitCode: z.number().default(0),
    reason: z.string().default(''),
    message: z.string().default(''),
  }),
});

const runtimeInfo = z.object({
  status: z.object({
    conditions: z.array(
      z.object({
        type: z.string(),
        status: z.boolean().default(false),
        reason: z.string().default(''),
        message: z.string().default(''),
      }),
    ),
  }),
});

/** `text` as JSON of this form; undefined when it is something else. */
const reader =
  <Form extends z.ZodType>(form: Form) =>
  (text: string): z.output<Form> | undefined => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // What is no JSON is not of the form either: the judge says so.
      return undefined;
    }
    const parsed = form.safeParse(value);
    return parsed.success ? parsed.data : undefined;
  };

export const readPodStatus = reader(podStatus);
export const readContainerStatus = reader(containerStatus);
export const readRuntimeInfo = reader(runtimeInfo);
