/** The gRPC surface that the SDK in the program talks to: ResourceMonitor and Engine on one loopback port. */
import { randomUUID } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import enginegrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginepb from "@pulumi/pulumi/proto/engine_pb.js";
import providerpb from "@pulumi/pulumi/proto/provider_pb.js";
import resourcegrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resourcepb from "@pulumi/pulumi/proto/resource_pb.js";
import emptypb from "google-protobuf/google/protobuf/empty_pb.js";
import structpb from "google-protobuf/google/protobuf/struct_pb.js";
import type { Deployment } from "./deployment.ts";
import { EngineError, messageOf } from "./errors.ts";
import type { Severity } from "./events.ts";
import { goalOf, propertiesOf } from "./goal.ts";
import { Halted } from "./runner.ts";
import type { State } from "./state.ts";
import { isProviderType } from "./urn.ts";

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
/** Everything else the SDK asks about is answered no, and the SDK then says so to whoever wants to use it. */
const FEATURES = ["secrets", "resourceReferences", "deletedWith", "parameterization"];

/** What the surface needs from the engine. */
export interface MonitorHost {
  readonly project: string;
  readonly stack: string;
  readonly state: State;
  readonly deployment: Deployment;
  /** An error that is not the deployment's: the run must stop. */
  fail(text: string): void;
  log(severity: Severity, text: string): void;
}

/** A served surface. */
export interface Monitor {
  /** `host:port` on loopback. */
  readonly address: string;
  /** The program has said that it is finished, and everything has been done. */
  finished(): boolean;
  close(): void;
}

/** Serves both services until `close`. */
export async function serveMonitor(host: MonitorHost): Promise<Monitor> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  const progress = { finished: false };
  server.addService(resourcegrpc.ResourceMonitorService, monitorService(host, progress));
  server.addService(enginegrpc.EngineService, engineService(host));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    finished: () => progress.finished,
    close: () => server.forceShutdown(),
  };
}

/**
 * A method that answers what `answer` resolves to. Where it throws, the run stops and the call stays unanswered: the
 * program would only print its own account of an error that has been reported already.
 */
function method<Request, Response>(
  host: MonitorHost,
  answer: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await answer(call.request));
    } catch (error) {
      if (!(error instanceof Halted)) host.fail(messageOf(error));
    }
  };
}

/** A method that this engine does not have. */
function absent(host: MonitorHost, what: string): grpc.handleUnaryCall<unknown, unknown> {
  return method(host, () => {
    throw new EngineError(
      `The program uses ${what}: the lab's engine does not have that. Use the pulumi CLI.`,
    );
  });
}

function monitorService(
  host: MonitorHost,
  progress: { finished: boolean },
): grpc.UntypedServiceImplementation {
  return {
    supportsFeature: method(host, (request: resourcepb.SupportsFeatureRequest) =>
      new resourcepb.SupportsFeatureResponse().setHassupport(FEATURES.includes(request.getId())),
    ),
    // Answered so, the SDK asks for each feature by its name.
    getDeploymentInfo: (_call: unknown, callback: grpc.sendUnaryData<unknown>) =>
      callback({ code: grpc.status.UNIMPLEMENTED }),
    registerResource: method(host, (request: resourcepb.RegisterResourceRequest) =>
      registerResource(host, request),
    ),
    registerResourceOutputs: method(host, async (request: resourcepb.RegisterResourceOutputsRequest) => {
      await host.deployment.registerOutputs(request.getUrn(), propertiesOf(request.getOutputs()));
      return new emptypb.Empty();
    }),
    registerPackage: method(host, () => new resourcepb.RegisterPackageResponse().setRef(randomUUID())),
    invoke: method(host, (request: resourcepb.ResourceInvokeRequest) => invoke(host, request)),
    signalAndWaitForShutdown: method(host, async () => {
      await host.deployment.finish();
      progress.finished = true;
      return new emptypb.Empty();
    }),
    call: absent(host, "a method of a remote component"),
    readResource: absent(host, "a `get` of an existing resource"),
    existsResource: absent(host, "a look-up of an existing resource"),
    registerStackTransform: absent(host, "a stack transform"),
    registerStackInvokeTransform: absent(host, "an invoke transform"),
    registerResourceHook: absent(host, "a resource hook"),
    registerErrorHook: absent(host, "an error hook"),
  };
}

async function registerResource(
  host: MonitorHost,
  request: resourcepb.RegisterResourceRequest,
): Promise<resourcepb.RegisterResourceResponse> {
  const goal = goalOf(request, host);
  const ownProvider = !goal.custom || isProviderType(goal.type) || goal.provider !== undefined;
  const provider = ownProvider
    ? {}
    : { provider: await host.deployment.defaultProvider(goal.type, request.getVersion()) };
  const record = await host.deployment.register({ ...goal, ...provider });
  const outputs = record.custom ? record.outputs : record.inputs;
  return new resourcepb.RegisterResourceResponse()
    .setUrn(record.urn)
    .setId(record.id ?? "")
    .setObject(
      structpb.Struct.fromJavaScript(outputs as Parameters<typeof structpb.Struct.fromJavaScript>[0]),
    );
}

/** Only the SDK's own look-up of a resource that it has a reference to. */
function invoke(host: MonitorHost, request: resourcepb.ResourceInvokeRequest): providerpb.InvokeResponse {
  const token = request.getTok();
  if (token !== "pulumi:pulumi:getResource") {
    throw new EngineError(
      `The program calls the function ${token}: the lab's engine has no functions. Use the pulumi CLI.`,
    );
  }
  const urn = String(propertiesOf(request.getArgs())["urn"]);
  const record = host.state.resources.get(urn);
  if (record === undefined)
    throw new EngineError(`The program refers to ${urn}, which is not in this stack.`);
  const state = record.outputs as Parameters<typeof structpb.Struct.fromJavaScript>[0];
  const found = structpb.Struct.fromJavaScript({ urn, id: record.id ?? "", state });
  return new providerpb.InvokeResponse().setReturn(found);
}

const SEVERITIES: readonly (Severity | undefined)[] = [undefined, "info", "warning", "error"];

function engineService(host: MonitorHost): grpc.UntypedServiceImplementation {
  let root = "";
  return {
    log: method(host, (request: enginepb.LogRequest) => {
      const severity = SEVERITIES[request.getSeverity()];
      if (severity !== undefined) host.log(severity, request.getMessage());
      return new emptypb.Empty();
    }),
    setRootResource: method(host, (request: enginepb.SetRootResourceRequest) => {
      root = request.getUrn();
      return new enginepb.SetRootResourceResponse();
    }),
    getRootResource: method(host, () => new enginepb.GetRootResourceResponse().setUrn(root)),
    requirePulumiVersion: method(host, () => new enginepb.RequirePulumiVersionResponse()),
    startDebugging: method(host, () => new emptypb.Empty()),
  };
}
