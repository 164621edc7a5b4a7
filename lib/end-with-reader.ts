/** Ends quietly when nobody reads standard output any more, as `head` does after its lines: Node's answer is a stack trace. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}
