/** The API's errors. Every one reaches the client as `{error:{code,message,details}}`. */
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** One field of a request that was refused, and why. */
export interface FieldProblem {
  readonly name: string;
  readonly messages: readonly string[];
}

/** An answer that is no success. Thrown by routes, turned into JSON in one place. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly details: unknown;

  constructor(status: ContentfulStatusCode, code: string, message: string, details: unknown = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }

  get body(): object {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** 422 with `details.fields`: Hetzner's own client fails on this code without them. */
export function invalidInput(fields: readonly FieldProblem[], message?: string): ApiError {
  const names = fields.map((field) => `'${field.name}'`).join(", ");
  const text = message ?? `invalid input in field${fields.length === 1 ? "" : "s"} ${names}`;
  return new ApiError(422, "invalid_input", text, { fields });
}

/** 422 for one field, whose problem is also the message. */
export function invalidField(name: string, message: string): ApiError {
  return invalidInput([{ name, messages: [message] }], message);
}

/** 404 */
export function notFound(what: string, id: number | string): ApiError {
  return new ApiError(404, "not_found", `${what} with ID '${id}' not found`);
}

/** Part of the API that Hetzner has taken away; old clients still ask for it. */
export function removedEndpoint(message: string, announcement: string): ApiError {
  return new ApiError(410, "deprecated_api_endpoint", message, {
    announcement: `https://docs.hetzner.cloud/changelog#${announcement}`,
  });
}

/** @throws ApiError 423 */
export function refuseIfProtected(isProtected: boolean, what: string): void {
  if (isProtected) throw new ApiError(423, "protected", `${what} is protected`);
}
